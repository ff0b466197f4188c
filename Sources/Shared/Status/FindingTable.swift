/// What the doctor can find beyond the reasons, once: for the program's texts and for
/// Documentation/troubleshooting.md.
package enum FindingTable {
    /// Items that one finding lists; the number of all is in its evidence.
    package static let itemsMax = 20

    package static let rules: [FindingRule] =
        account + network + device + database + library + server

    /// What `--fix` does about reasons.
    package static let remedies: [ReasonCode: RemedyCode] = [
        .agentNotRunning: .reconcile,
        .retrying: .retryNow,
        .libraryDamaged: .repairDatabase,
    ]

    private static let positions = Dictionary(
        uniqueKeysWithValues: rules.enumerated().map { ($1.code, $0) })

    /// `nil` for a reason's code, and for that of another version.
    package static func rule(of code: FindingCode) -> FindingRule? {
        positions[code].map { rules[$0] }
    }
}

// Who this device is, and the account's other devices
extension FindingCode {
    package static let configurationDamaged = FindingCode(rawValue: "configurationDamaged")
    package static let secretReadable = FindingCode(rawValue: "secretReadable")
    package static let serviceOffElsewhere = FindingCode(rawValue: "serviceOffElsewhere")
    package static let otherDeviceSilent = FindingCode(rawValue: "otherDeviceSilent")
    package static let otherDeviceTroubled = FindingCode(rawValue: "otherDeviceTroubled")
}

// The way to the server
extension FindingCode {
    package static let certificateNotValid = FindingCode(rawValue: "certificateNotValid")
    package static let certificateOfOther = FindingCode(rawValue: "certificateOfOther")
    package static let certificateUntrusted = FindingCode(rawValue: "certificateUntrusted")
    package static let slowAnswers = FindingCode(rawValue: "slowAnswers")
    package static let tunnelInUse = FindingCode(rawValue: "tunnelInUse")
    package static let roundTripFailed = FindingCode(rawValue: "roundTripFailed")
    package static let accountWillNotFit = FindingCode(rawValue: "accountWillNotFit")
}

// This machine
extension FindingCode {
    package static let agentSilent = FindingCode(rawValue: "agentSilent")
    package static let homeNotWritable = FindingCode(rawValue: "homeNotWritable")
    package static let homeNearlyFull = FindingCode(rawValue: "homeNearlyFull")
    package static let deviceWillNotFit = FindingCode(rawValue: "deviceWillNotFit")
}

// The device's database
extension FindingCode {
    package static let databaseMissing = FindingCode(rawValue: "databaseMissing")
    package static let databaseFromNewerVersion = FindingCode(rawValue: "databaseFromNewerVersion")
    package static let databaseUnusable = FindingCode(rawValue: "databaseUnusable")
    package static let indexMissing = FindingCode(rawValue: "indexMissing")
    package static let indexWrong = FindingCode(rawValue: "indexWrong")
    package static let rowsDisagree = FindingCode(rawValue: "rowsDisagree")
    package static let damagedDatabaseKept = FindingCode(rawValue: "damagedDatabaseKept")
}

// The library and what lies in it
extension FindingCode {
    package static let markDamaged = FindingCode(rawValue: "markDamaged")
    package static let foldersMissing = FindingCode(rawValue: "foldersMissing")
    package static let filesChanged = FindingCode(rawValue: "filesChanged")
    package static let bytesDiffer = FindingCode(rawValue: "bytesDiffer")
    package static let itemsStuck = FindingCode(rawValue: "itemsStuck")
    package static let decisionsStuck = FindingCode(rawValue: "decisionsStuck")
    package static let serverLacks = FindingCode(rawValue: "serverLacks")
    package static let copiesUnproven = FindingCode(rawValue: "copiesUnproven")
    package static let duplicates = FindingCode(rawValue: "duplicates")
    package static let nameClash = FindingCode(rawValue: "nameClash")
    package static let leftoverFiles = FindingCode(rawValue: "leftoverFiles")
    package static let previewsMissing = FindingCode(rawValue: "previewsMissing")
    package static let quarantineHolds = FindingCode(rawValue: "quarantineHolds")
}

// Beside the server: what it keeps, and how it is run
extension FindingCode {
    package static let serverDatabaseDamaged = FindingCode(rawValue: "serverDatabaseDamaged")
    package static let serverDatabaseUnusable = FindingCode(rawValue: "serverDatabaseUnusable")
    package static let storedRowsDamaged = FindingCode(rawValue: "storedRowsDamaged")
    package static let storedRowsDisagree = FindingCode(rawValue: "storedRowsDisagree")
    package static let objectsMissing = FindingCode(rawValue: "objectsMissing")
    package static let objectsOfWrongSize = FindingCode(rawValue: "objectsOfWrongSize")
    package static let objectsDamaged = FindingCode(rawValue: "objectsDamaged")
    package static let objectsWanted = FindingCode(rawValue: "objectsWanted")
    package static let objectsGone = FindingCode(rawValue: "objectsGone")
    package static let objectsUnknown = FindingCode(rawValue: "objectsUnknown")
    package static let objectStoreUnusable = FindingCode(rawValue: "objectStoreUnusable")
    package static let usageMiscounted = FindingCode(rawValue: "usageMiscounted")
    package static let shownWrongly = FindingCode(rawValue: "shownWrongly")
    package static let serverDiskNearlyFull = FindingCode(rawValue: "serverDiskNearlyFull")
    package static let backupMissing = FindingCode(rawValue: "backupMissing")
    package static let backupOld = FindingCode(rawValue: "backupOld")
    package static let manifestOld = FindingCode(rawValue: "manifestOld")
    package static let maintenanceInForce = FindingCode(rawValue: "maintenanceInForce")
    package static let jobsStuck = FindingCode(rawValue: "jobsStuck")
    package static let jobsGivenUp = FindingCode(rawValue: "jobsGivenUp")
    package static let scrubLate = FindingCode(rawValue: "scrubLate")
    package static let scrubDoubtful = FindingCode(rawValue: "scrubDoubtful")
    package static let alertChannelFailing = FindingCode(rawValue: "alertChannelFailing")
    package static let backupProofFailed = FindingCode(rawValue: "backupProofFailed")
    package static let backupUnproven = FindingCode(rawValue: "backupUnproven")
    package static let backupFailing = FindingCode(rawValue: "backupFailing")
}
