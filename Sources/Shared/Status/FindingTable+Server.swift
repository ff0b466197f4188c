// What the doctor can find beside a server.
extension FindingTable {
    static let server: [FindingRule] = serverDatabase + serverObjects + serverCare

    private static let mend =
        "Stop the server and run martlet doctor --server --fix. If that refuses, run martlet restore "
        + "with the latest backup: devices send what it lacks. Start over on no device before."

    private static let miscounted =
        "Nothing but a bug or a damaged file does that: tell the makers of Martlet, stop the server "
        + "and run martlet doctor --server --fix."

    private static let serverDatabase: [FindingRule] = [
        FindingRule(
            .serverDatabaseDamaged, .trouble,
            "The server's database fails its own check: {cause}.", advice: mend,
            remedy: .mendServer),
        FindingRule(
            .serverDatabaseUnusable, .trouble,
            "The server's database cannot be read: {cause}.",
            advice: "Check its disk and who owns its folder; if it is damaged, stop the server and "
                + "run martlet restore with the latest backup."),
        FindingRule(
            .storedRowsDamaged, .trouble,
            "What the server's database holds of {items} is not what was written there: {tables}.",
            advice: mend, remedy: .mendServer),
        FindingRule(
            .storedRowsDisagree, .trouble,
            "{items} of the server's database do not fit its other rows: {tables}.",
            advice: mend, remedy: .mendServer),
        FindingRule(
            .usageMiscounted, .hindrance,
            "The space that {accounts} use is counted wrongly, by {size}.",
            advice: miscounted, remedy: .mendServer),
        FindingRule(
            .shownWrongly, .hindrance,
            "What the server shows of pictures does not follow from their records: {tables}.",
            advice: miscounted, remedy: .mendServer),
    ]

    private static let serverObjects: [FindingRule] = [
        FindingRule(
            .objectStoreUnusable, .trouble,
            "The server's blobs cannot be reached: {cause}.",
            advice: "Mount their disk, or check the bucket: nothing is taken for lost meanwhile."),
        FindingRule(
            .objectsMissing, .trouble,
            "The bytes of {items} ({size}) are no longer where the server stored them.",
            advice: "If their disk is mounted, run martlet scrub: devices that have them send them "
                + "again."),
        FindingRule(
            .objectsOfWrongSize, .trouble,
            "The bytes of {items} are cut off or longer than what was stored.",
            advice: "Check the disk; then run martlet scrub: devices that have them send them "
                + "again."
        ),
        FindingRule(
            .objectsDamaged, .trouble,
            "The bytes of {items} ({size}) are no longer those that were stored.",
            advice: "Check the disk; then run martlet scrub: devices that have them send them "
                + "again."
        ),
        FindingRule(
            .objectsWanted, .hindrance,
            "The server has lost {items} ({size}) and asks for them: {answered} of {devices} "
                + "devices have answered.",
            advice: "Let every device sync: {waiting}."),
        FindingRule(
            .objectsGone, .trouble,
            "No device has the bytes of {items} ({size}) that the server has lost.",
            advice: "Look for them in a backup or on a device that is not signed in any more; what "
                + "is left of them stays where it is."),
        FindingRule(
            .objectsUnknown, .note,
            "No row knows {items} that lie among the blobs: {size}.",
            advice: "An upload that broke off leaves such; the server removes them at its next "
                + "start."),
    ]

    private static let serverCare: [FindingRule] = [
        FindingRule(
            .serverDiskNearlyFull, .hindrance,
            "{free} are free on the disk of {path}; below {reserve} the server takes nothing in.",
            advice: "Free space there, or move the server to a larger disk."),
        FindingRule(
            .backupMissing, .hindrance,
            "There is no backup of this server.",
            advice: "Run martlet backup schedule with a folder on another disk."),
        FindingRule(
            .backupOld, .hindrance,
            "The last backup is of {time}.",
            advice: "Run martlet backup, and see why it was not run."),
        FindingRule(
            .manifestOld, .hindrance,
            "The list of all originals' names is {age}.",
            advice: "Start the server, which writes it each night, or run martlet manifest."),
        FindingRule(
            .maintenanceInForce, .note,
            "The server is under maintenance until {time}: it takes nothing in.",
            advice: "End it with martlet maintenance off."),
        FindingRule(
            .jobsStuck, .hindrance,
            "{items} were to be done by {time}, and nobody did: {kinds}.",
            advice: "Start the server; if it runs, restart it and look into its log."),
        FindingRule(
            .jobsGivenUp, .note,
            "{items} could not be done and were given up: {cause}.",
            advice: "Such pictures stay safe and are synced; they have no preview."),
        FindingRule(
            .scrubLate, .hindrance,
            "The stored bytes were last read back as a whole {age}.",
            advice: "Let the server run, or run martlet scrub."),
        FindingRule(
            .scrubDoubtful, .trouble,
            "So many stored bytes could not be read back that their disk is suspected: {cause}.",
            advice: "Check that the disk is mounted and sound; then run martlet scrub."),
        FindingRule(
            .alertChannelFailing, .hindrance,
            "Alerts to {channel} have not got through since {time}: {cause}.",
            advice: "Run martlet alerts test {channel} and mend what it says, or remove it."),
        FindingRule(
            .backupProofFailed, .trouble,
            "The backup of {made} does not restore, as tried on {time}: {cause}.",
            advice: "Run martlet backup into a new folder on a sound disk, and prove that one."),
        FindingRule(
            .backupUnproven, .hindrance,
            "No backup was proven to restore {age}.",
            advice: "Run martlet prove with the backup's folder, each week."),
        FindingRule(
            .backupFailing, .hindrance,
            "The nightly backup into {folder} has failed since {time}: {cause}.",
            advice: "Mend what it says; it is tried again each hour."),
    ]
}
