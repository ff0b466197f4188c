// What the doctor can find, by what it looks at.
extension FindingTable {
    static let account: [FindingRule] = [
        FindingRule(
            .configurationDamaged, .trouble,
            "What this device was told at sign-in cannot be read: {cause}.",
            advice: "Run martlet login again: nothing on this device is removed."),
        FindingRule(
            .secretReadable, .trouble,
            "Others on this machine can read {path}.", remedy: .makePrivate),
        FindingRule(
            .serviceOffElsewhere, .note,
            "{title} is switched off on {devices}.",
            advice: "Run martlet services on photos there, if that is not meant."),
        FindingRule(
            .otherDeviceSilent, .note,
            "{device} was last heard from on {time}.",
            advice: "Wake or start it, if it should be in sync."),
        FindingRule(
            .otherDeviceTroubled, .note,
            "{device} says: {message}", advice: "Look at it there, or run martlet devices."),
    ]

    static let network: [FindingRule] = [
        FindingRule(
            .certificateNotValid, .trouble,
            "The certificate of {server} {validity}, by this device's clock.",
            advice: "Check this device's date; if it is right, tell the server's owner to renew "
                + "the certificate."),
        FindingRule(
            .certificateOfOther, .trouble,
            "The certificate that {server} shows is for {names}, not for {host}.",
            advice: "Run martlet login with the address that it is for. If it fitted until now, "
                + "ask the server's owner first: another program may be answering."),
        FindingRule(
            .certificateUntrusted, .trouble,
            "The certificate that {server} shows was signed by nobody whom this device knows.",
            advice: "Run martlet login with --trust and the owner's certificate. If it was "
                + "trusted until now, ask the owner first: another program may be answering."),
        FindingRule(
            .slowAnswers, .hindrance,
            "The server took {latency} to answer; {broken} of {tries} tries broke.",
            advice: "Try again later, or from another network."),
        FindingRule(
            .tunnelInUse, .note,
            "The way to the server goes through {tunnel}.",
            advice: "Exempt the server from it, if it is slow or breaks."),
        FindingRule(
            .roundTripFailed, .trouble,
            "A small test item did not come back from the server: {cause}.",
            advice: "Tell the server's owner."),
        FindingRule(
            .accountWillNotFit, .hindrance,
            "What is to be sent has {needed}; {free} are left of the account's {quota}.",
            advice: "Free space in the account, or ask the server's owner for more."),
    ]

    static let device: [FindingRule] = [
        FindingRule(
            .agentSilent, .trouble,
            "The agent of this device runs ({holder}), and does not answer.",
            advice: "End that process and run martlet sync, or martlet service install.",
            remedy: .restartAgent),
        FindingRule(
            .homeNotWritable, .trouble,
            "This device's own folder {path} cannot be written: {cause}.",
            advice: "Mount its disk for writing, or check who owns it: until then nothing syncs."),
        FindingRule(
            .homeNearlyFull, .hindrance,
            "{free} are free where {path} lies: the device's database may not grow.",
            advice: "Free space there."),
        FindingRule(
            .deviceWillNotFit, .hindrance,
            "What is to come has {needed}; {free} are free on this device, and {reserve} stay free.",
            advice: "Free space, or switch on martlet photos optimize."),
    ]

    static let database: [FindingRule] = [
        FindingRule(
            .databaseMissing, .trouble,
            "This device is signed in, and its database is not there.",
            remedy: .repairDatabase),
        FindingRule(
            .databaseFromNewerVersion, .trouble,
            "This device's database was written by a newer Martlet.",
            advice: "Upgrade Martlet on this device."),
        FindingRule(
            .databaseUnusable, .trouble,
            "This device's database cannot be used: {cause}.",
            advice: "Check who owns it, and its disk."),
        FindingRule(
            .indexMissing, .hindrance,
            "The database lacks {indexes}: it is slow, and may overlook items.",
            remedy: .rebuildDerived),
        FindingRule(
            .indexWrong, .trouble,
            "An index of the database disagrees with its rows: {cause}.",
            remedy: .rebuildDerived),
        FindingRule(
            .rowsDisagree, .trouble,
            "What the database says of {items} does not follow from its own rows.",
            remedy: .rebuildDerived),
        FindingRule(
            .damagedDatabaseKept, .note,
            "Earlier repairs kept {items} in {path}: {size}.",
            advice: "Remove them when you don't need them any more."),
    ]

    static let library: [FindingRule] = [
        FindingRule(
            .markDamaged, .trouble,
            "The library's mark {path} cannot be read: {cause}.",
            advice: "If this folder is this device's library, let it be marked anew.",
            remedy: .markAnew),
        FindingRule(
            .foldersMissing, .hindrance,
            "Martlet's own folders are missing in the library: {folders}.",
            remedy: .makeFolders),
        FindingRule(
            .filesChanged, .hindrance,
            "The database has not seen {items} as they are: {new} new, {changed} changed, {gone} gone.",
            remedy: .reconcile),
        FindingRule(
            .bytesDiffer, .trouble,
            "The bytes of {items} are not those that were read before, though nothing wrote to them.",
            advice: "Check this device's disk.", remedy: .fetchGoodCopy),
        FindingRule(
            .itemsStuck, .hindrance,
            "For more than a day the server lacks {items}: {name} since {time}.",
            advice: "Run martlet why with its path.", remedy: .retryNow),
        FindingRule(
            .decisionsStuck, .hindrance,
            "What you decided about {items} has not reached the server yet.",
            remedy: .reconcile),
        FindingRule(
            .serverLacks, .trouble,
            "The server lacks the bytes of {items} that this device has.",
            remedy: .sendAgain),
        FindingRule(
            .copiesUnproven, .note,
            "The server has not proven yet that it has good copies of {items} ({size}).",
            advice: "Run martlet doctor --deep, which asks it to read them back."),
        FindingRule(
            .duplicates, .note,
            "The library holds the bytes of others once more in {items}: {size}.",
            advice: "Remove those that you don't want; the item stays while one is left."),
        FindingRule(
            .nameClash, .hindrance,
            "Some disks take names in the library for the same: {items}.",
            advice: "Rename one of each."),
        FindingRule(
            .leftoverFiles, .hindrance,
            "Nobody needs {items} in the library's .martlet folder any more: {size}.",
            remedy: .setAsideLeftovers),
        FindingRule(
            .previewsMissing, .hindrance,
            "The previews of {items} are missing or cut short.",
            remedy: .rebuildPreviews),
        FindingRule(
            .quarantineHolds, .note,
            "Repairs moved {items} aside, into {path}: {size}.",
            advice: "Run martlet doctor undo to put the latest back, or remove that folder."),
    ]
}
