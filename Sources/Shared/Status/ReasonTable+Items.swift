// Reasons that concern one item.
extension ReasonTable {
    static let underWay: [ReasonRule] = [
        ReasonRule(
            .uploading, .item, .thisItem, .uploading,
            "{moved} of {total} are sent.",
            clearsWhen: "the server has all of it", byItself: true, isPatient: true),
        ReasonRule(
            .downloading, .item, .thisItem, .downloading,
            "{moved} of {total} are here.",
            clearsWhen: "all of it is here", byItself: true, isPatient: true),
        ReasonRule(
            .hashing, .item, .thisItem, .syncing,
            "{read} of {total} are read.",
            clearsWhen: "the file is read to its end", byItself: true, isPatient: true),
        ReasonRule(
            .queued, .item, .thisItem, .waiting,
            "{items}, {bytes}, are ahead of it.",
            clearsWhen: "its turn comes", byItself: true, isPatient: true),
        ReasonRule(
            .retrying, .item, .thisItem, .waiting,
            "It failed {tries}: {cause}.",
            clearsWhen: "a try gets through; the next is {nextTry}", byItself: true),
        ReasonRule(
            .stillChanging, .item, .thisItem, .waiting,
            "{name} is being written.",
            clearsWhen: "it stays the same for 2 s", byItself: true),
        ReasonRule(
            .waitsForOriginal, .item, .thisItem, .waiting,
            "It belongs to {original}, which has not crossed yet.",
            clearsWhen: "that has", byItself: true),
        ReasonRule(
            .lostOnServer, .item, .thisItem, .waiting,
            "The server lost its copy of {name}.",
            clearsWhen: "a device that has it sends it again", byItself: true),
        ReasonRule(
            .analysing, .item, .informs, .upToDate,
            "Its thumbnail and facts are being made; the original can be opened.",
            clearsWhen: "the server has made them", byItself: true),
        ReasonRule(
            .receiptPending, .item, .informs, .upToDate,
            "It stays on this device: {cause}.",
            clearsWhen: "the server has proven its copy", byItself: true),
    ]

    static let needSomebody: [ReasonRule] = [
        ReasonRule(
            .unreadableFile, .item, .thisItem, .attention,
            "{path} cannot be read: {cause}.",
            clearsWhen: "it can be read", fix: "Correct its permissions, or check the disk."),
        ReasonRule(
            .suspiciousChange, .item, .thisItem, .attention,
            "{path} {change}: the good copy is kept.",
            clearsWhen: "you answer", fix: "Keep the good copy, or accept the new one."),
        ReasonRule(
            .conflict, .item, .thisItem, .attention,
            "{name} was changed on {device} ({version}) and on {other} ({otherVersion}): "
                + "both are kept.",
            clearsWhen: "you choose, or keep both",
            fix: "Compare them with martlet photos conflicts, and keep one or both."),
        ReasonRule(
            .quarantined, .item, .thisItem, .attention,
            "{name} failed {tries}: {cause}. It is set aside.",
            clearsWhen: "the file or Martlet is newer", fix: "Send the report."),
        ReasonRule(
            .nameNotAllowed, .item, .thisItem, .attention,
            "The name of {path} has {value}; at most {limit} can be kept.",
            clearsWhen: "it is renamed", fix: "Rename it."),
        ReasonRule(
            .tooLarge, .item, .thisItem, .attention,
            "{name} has {value}; at most {limit} can be kept.",
            clearsWhen: "it is smaller", fix: "Keep it elsewhere, or split it."),
        ReasonRule(
            .newerItem, .item, .thisItem, .attention,
            "{name} needs protocol {needed}: it can only be read here.",
            clearsWhen: "this side is upgraded", fix: "Upgrade Martlet on this device."),
        ReasonRule(
            .fromNewerVersion, .item, .informs, .upToDate,
            "{name} was written by a newer Martlet: it is shown as far as understood.",
            clearsWhen: "this side is upgraded", fix: "Upgrade Martlet on this device."),
        ReasonRule(
            .damagedFile, .item, .informs, .upToDate,
            "{name} is damaged: it is kept and synced all the same, without a preview.",
            clearsWhen: "the file is replaced by a good one"),
    ]

    static let asTheyAre: [ReasonRule] = [
        ReasonRule(
            .onlyInCloud, .item, .informs, .upToDate,
            "The original is on the server, {preview}.",
            clearsWhen: "you ask for it", fix: "Open or download it."),
        ReasonRule(
            .previewOnly, .item, .informs, .upToDate,
            "A preview is shown: the original {original}.",
            clearsWhen: "the original is here", fix: "Download it."),
        ReasonRule(
            .hiddenItem, .item, .informs, .upToDate,
            "It is hidden.",
            clearsWhen: "it is shown again", fix: "Look under Hidden."),
        ReasonRule(
            .recentlyDeleted, .item, .informs, .upToDate,
            "It was deleted on {date}, and can be restored until {until}.",
            clearsWhen: "it is restored", fix: "Look under Recently Deleted."),
        ReasonRule(
            .otherView, .item, .informs, .upToDate,
            "It is in {view}.",
            clearsWhen: "that view is open", fix: "Look under {view}."),
        ReasonRule(
            .sharedSeparately, .item, .informs, .upToDate,
            "It belongs to the shared album {album}, which syncs by itself.",
            clearsWhen: "that album is in sync"),
        ReasonRule(
            .notIncluded, .item, .informs, .upToDate,
            "{path} stays on this device only: {rule}.",
            clearsWhen: "the rule no longer applies", fix: "Change the rule to include it."),
        ReasonRule(
            .emptyFile, .item, .informs, .upToDate,
            "{path} is empty.",
            clearsWhen: "it gets content"),
        ReasonRule(
            .notAPhoto, .item, .informs, .upToDate,
            "{path} is no picture, video or sidecar: it stays on this device.",
            clearsWhen: "it becomes one", fix: "Put it into Drive to sync it."),
        ReasonRule(
            .deletedBefore, .item, .informs, .upToDate,
            "The same picture was deleted on {date}.",
            clearsWhen: "it is restored or imported on purpose",
            fix: "Restore it with martlet photos restore, or leave it."),
        ReasonRule(
            .duplicateOf, .item, .informs, .upToDate,
            "It has the same bytes as {name}: one item with two places.",
            clearsWhen: "one of them is removed"),
    ]
}
