/// The stable code of a reason (Documentation/reasons.md).
///
/// Codes of newer versions are relayed as they are.
package struct ReasonCode: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }
}

extension ReasonCode: CustomStringConvertible {
    package var description: String { rawValue }
}

// The account, and this device in it
extension ReasonCode {
    package static let signedOut = ReasonCode(rawValue: "signedOut")
    package static let signInNeeded = ReasonCode(rawValue: "signInNeeded")
    package static let otherAccount = ReasonCode(rawValue: "otherAccount")
    package static let serviceOff = ReasonCode(rawValue: "serviceOff")
    package static let appNotAllowed = ReasonCode(rawValue: "appNotAllowed")
    package static let agentNotRunning = ReasonCode(rawValue: "agentNotRunning")
    package static let notHeardFrom = ReasonCode(rawValue: "notHeardFrom")
    package static let wasAsleep = ReasonCode(rawValue: "wasAsleep")
    package static let backgroundNotAllowed = ReasonCode(rawValue: "backgroundNotAllowed")
}

// The way to the server
extension ReasonCode {
    package static let offline = ReasonCode(rawValue: "offline")
    package static let serverUnreachable = ReasonCode(rawValue: "serverUnreachable")
    package static let captivePortal = ReasonCode(rawValue: "captivePortal")
    package static let networkUnstable = ReasonCode(rawValue: "networkUnstable")
    package static let meteredNetwork = ReasonCode(rawValue: "meteredNetwork")
    package static let vpnOrProxy = ReasonCode(rawValue: "vpnOrProxy")
    package static let outsideHours = ReasonCode(rawValue: "outsideHours")
    package static let slowUplink = ReasonCode(rawValue: "slowUplink")
}

// The server
extension ReasonCode {
    package static let serverDown = ReasonCode(rawValue: "serverDown")
    package static let serverMaintenance = ReasonCode(rawValue: "serverMaintenance")
    package static let serverDegraded = ReasonCode(rawValue: "serverDegraded")
    package static let rateLimited = ReasonCode(rawValue: "rateLimited")
    package static let accountFull = ReasonCode(rawValue: "accountFull")
    package static let accountNearlyFull = ReasonCode(rawValue: "accountNearlyFull")
    package static let serverRestored = ReasonCode(rawValue: "serverRestored")
    package static let serverStorageFull = ReasonCode(rawValue: "serverStorageFull")
    package static let serverClockSuspect = ReasonCode(rawValue: "serverClockSuspect")
    package static let leftZone = ReasonCode(rawValue: "leftZone")
}

// This device
extension ReasonCode {
    package static let deviceFull = ReasonCode(rawValue: "deviceFull")
    package static let lowPowerMode = ReasonCode(rawValue: "lowPowerMode")
    package static let lowBattery = ReasonCode(rawValue: "lowBattery")
    package static let clockWrong = ReasonCode(rawValue: "clockWrong")
    package static let versionTooOld = ReasonCode(rawValue: "versionTooOld")
    package static let updateAvailable = ReasonCode(rawValue: "updateAvailable")
    package static let volumeMissing = ReasonCode(rawValue: "volumeMissing")
    package static let readOnlyVolume = ReasonCode(rawValue: "readOnlyVolume")
    package static let watchLimit = ReasonCode(rawValue: "watchLimit")
    package static let heldForConfirmation = ReasonCode(rawValue: "heldForConfirmation")
    package static let pausedByYou = ReasonCode(rawValue: "pausedByYou")
    package static let libraryDamaged = ReasonCode(rawValue: "libraryDamaged")
    package static let libraryRestored = ReasonCode(rawValue: "libraryRestored")
    package static let libraryInUseElsewhere = ReasonCode(rawValue: "libraryInUseElsewhere")
    package static let deviceCloned = ReasonCode(rawValue: "deviceCloned")
    package static let otherSyncTool = ReasonCode(rawValue: "otherSyncTool")
    package static let lastCopy = ReasonCode(rawValue: "lastCopy")
    package static let optimizing = ReasonCode(rawValue: "optimizing")
}

// Items under way
extension ReasonCode {
    package static let queued = ReasonCode(rawValue: "queued")
    package static let uploading = ReasonCode(rawValue: "uploading")
    package static let downloading = ReasonCode(rawValue: "downloading")
    package static let hashing = ReasonCode(rawValue: "hashing")
    package static let stillChanging = ReasonCode(rawValue: "stillChanging")
    package static let waitsForOriginal = ReasonCode(rawValue: "waitsForOriginal")
    package static let retrying = ReasonCode(rawValue: "retrying")
    package static let analysing = ReasonCode(rawValue: "analysing")
    package static let receiptPending = ReasonCode(rawValue: "receiptPending")
    package static let lostOnServer = ReasonCode(rawValue: "lostOnServer")
}

// Items that need somebody, or a newer version
extension ReasonCode {
    package static let unreadableFile = ReasonCode(rawValue: "unreadableFile")
    package static let suspiciousChange = ReasonCode(rawValue: "suspiciousChange")
    package static let conflict = ReasonCode(rawValue: "conflict")
    package static let quarantined = ReasonCode(rawValue: "quarantined")
    package static let nameNotAllowed = ReasonCode(rawValue: "nameNotAllowed")
    package static let tooLarge = ReasonCode(rawValue: "tooLarge")
    package static let newerItem = ReasonCode(rawValue: "newerItem")
    package static let fromNewerVersion = ReasonCode(rawValue: "fromNewerVersion")
    package static let damagedFile = ReasonCode(rawValue: "damagedFile")
}

// Items that are as they are meant to be
extension ReasonCode {
    package static let onlyInCloud = ReasonCode(rawValue: "onlyInCloud")
    package static let previewOnly = ReasonCode(rawValue: "previewOnly")
    package static let hiddenItem = ReasonCode(rawValue: "hiddenItem")
    package static let recentlyDeleted = ReasonCode(rawValue: "recentlyDeleted")
    package static let otherView = ReasonCode(rawValue: "otherView")
    package static let sharedSeparately = ReasonCode(rawValue: "sharedSeparately")
    package static let notIncluded = ReasonCode(rawValue: "notIncluded")
    package static let emptyFile = ReasonCode(rawValue: "emptyFile")
    package static let notAPhoto = ReasonCode(rawValue: "notAPhoto")
    package static let deletedBefore = ReasonCode(rawValue: "deletedBefore")
    package static let duplicateOf = ReasonCode(rawValue: "duplicateOf")
}
