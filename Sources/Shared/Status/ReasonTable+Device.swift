// Reasons that lie in the device, its library's disk and its settings.
extension ReasonTable {
    static let device: [ReasonRule] = [
        ReasonRule(
            .libraryDamaged, .library, .stopsEverything, .attention,
            "This device's database fails its own check: {cause}.",
            clearsWhen: "it is repaired",
            fix: "Run martlet doctor --fix, or martlet login again: the damaged database is kept "
                + "aside, and a new one finds by their content which files are in sync."),
        ReasonRule(
            .deviceCloned, .library, .stopsEverything, .attention,
            "This device's sign-in is used on two machines.",
            clearsWhen: "one of them signs in as a new device",
            fix: "Run martlet login --as-new-device on the machine that is the copy."),
        ReasonRule(
            .libraryInUseElsewhere, .library, .stopsDownloads, .attention,
            "Device {device} writes to this library as well.",
            clearsWhen: "only one of them does", fix: "Give each device a library of its own."),
        ReasonRule(
            .libraryRestored, .library, .informs, .attention,
            "The library's folder and the database are not of one time: nothing was deleted.",
            clearsWhen: "it has been compared and you have chosen",
            fix: "Look at what is here, then run martlet library accept."),
        ReasonRule(
            .otherSyncTool, .library, .informs, .attention,
            "{tool} works in the library's folder too: {mark}.",
            clearsWhen: "its mark is gone", fix: "Use one tool for one folder."),
        ReasonRule(
            .versionTooOld, .library, .stopsEverything, .attention,
            "{side} is too old: {cause}.",
            clearsWhen: "it is upgraded", fix: "Upgrade Martlet there."),
        ReasonRule(
            .heldForConfirmation, .both, .thisItem, .attention,
            "{items} would be {change}: they are held.",
            clearsWhen: "you answer", fix: "Review the list, then apply it or put it back."),
        ReasonRule(
            .lastCopy, .library, .informs, .attention,
            "{items} left this device since the server's last backup ({backup}).",
            clearsWhen: "there is a newer backup",
            fix: "Make a backup, or keep originals somewhere."),
        ReasonRule(
            .clockWrong, .library, .informs, .attention,
            "This device's clock is {offset} the server's.",
            clearsWhen: "its clock is right", fix: "Let the date and time be set automatically."),
        ReasonRule(
            .deviceFull, .library, .stopsDownloads, .paused,
            "This device's disk is full: {free} are free.",
            clearsWhen: "there is space",
            fix: "Free space, or switch on martlet photos optimize."),
        ReasonRule(
            .volumeMissing, .library, .stopsDownloads, .paused,
            "The library is not at {path}: {cause}.",
            clearsWhen: "it is back", fix: "Reconnect the disk; nothing was deleted.",
            byItself: true),
        ReasonRule(
            .readOnlyVolume, .library, .stopsDownloads, .paused,
            "The library's disk can only be read.",
            clearsWhen: "it can be written", fix: "Remount it for writing; uploads go on."),
        ReasonRule(
            .pausedByYou, .library, .stopsEverything, .paused,
            "You paused it until {until}.",
            clearsWhen: "that time comes, or you resume", fix: "Run martlet resume."),
        ReasonRule(
            .lowPowerMode, .library, .stopsLargeItems, .paused,
            "The power saver is on: {waiting}.",
            clearsWhen: "it is off", fix: "Plug in, or run martlet sync --now.", byItself: true),
        ReasonRule(
            .lowBattery, .library, .stopsLargeItems, .paused,
            "The battery is at {level}: {waiting}.",
            clearsWhen: "it charges, or is at {enough}", fix: "Plug in.", byItself: true),
        ReasonRule(
            .optimizing, .both, .informs, .syncing,
            "{freed} of {target} are freed on this device.",
            clearsWhen: "the target is reached", byItself: true),
        ReasonRule(
            .watchLimit, .library, .informs, .upToDate,
            "The system's limit of {limit} watched folders is reached: folders are compared instead.",
            clearsWhen: "the limit is raised", fix: "Run sysctl fs.inotify.max_user_watches={more}."
        ),
        ReasonRule(
            .updateAvailable, .library, .informs, .upToDate,
            "{side} runs Martlet {newer}; here it is {version}.",
            clearsWhen: "this side is upgraded"),
    ]
}
