import Agent
import ArgumentParser
import Operations
import Records
import Storage
import WebServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Which backups are kept.
struct KeepOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which are kept: the newest of each of the last days, weeks and months.",
            valueName: "rule"))
    var keep = KeepRule.standard.text

    func rule() throws -> KeepRule { try KeepRule(parsing: keep) }
}

/// Which of a place's backups is meant.
struct BackupChoice: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which one, as martlet backup list names it; by default the newest.",
            valueName: "number"))
    var backup: Int64?

    var madeAt: Timestamp? { backup.map(Timestamp.init(milliseconds:)) }
}

extension BackupCommand {
    /// As it is kept and shown: a folder's absolute path, or a bucket.
    static func placeText(_ text: String) -> String {
        text.hasPrefix("s3://") ? text : DeviceHome.absolute(text)
    }

    /// A backup's place, without a server.
    static func place(_ text: String) throws -> any BackupPlace {
        try ServerPlace.backupPlace(
            placeText(text), environment: DeviceContext.environment,
            workFolder: FileManager.default.temporaryDirectory.path)
    }

    /// Works while all others are kept off the place.
    static func holding<R>(
        _ place: any BackupPlace, for work: String, _ body: () async throws -> R
    ) async throws -> R {
        do {
            return try await place.holding(for: work, body)
        } catch let error as BackupError where error.code == .folderBusy {
            throw Complaint(.tryAgain, "backupRuns", error.message)
        }
    }
}
