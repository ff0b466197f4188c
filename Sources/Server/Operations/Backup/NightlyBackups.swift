import Kernel
package import Logging
package import Records
import Status
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes the server's backups by itself, as the owner has scheduled them: one each night, the newest
/// proven each week, those pruned that the rule doesn't keep.
///
/// - Of several servers one has the turn; one that dies loses it, and another, or itself, begins anew.
/// - One that failed is tried again in an hour; what was copied is not copied again.
/// - A folder that had backups and has none any more is one whose disk is away: nothing is written
///   there; of a bucket somebody else has removed them.
package struct NightlyBackups: Sendable {
    package struct Surroundings: Sendable {
        package let now: @Sendable () -> Timestamp
        package let randomNumber: @Sendable () -> UInt64
        package let clock: any Clock<Duration>
        /// How far the server's own time is from UTC then.
        package let secondsFromUTC: @Sendable (Timestamp) -> Int64

        package init(
            now: @escaping @Sendable () -> Timestamp,
            randomNumber: @escaping @Sendable () -> UInt64, clock: any Clock<Duration>,
            secondsFromUTC: @escaping @Sendable (Timestamp) -> Int64
        ) {
            self.now = now
            self.randomNumber = randomNumber
            self.clock = clock
            self.secondsFromUTC = secondsFromUTC
        }
    }

    /// What it works with.
    package struct Tools: Sendable {
        /// What is backed up, opened for each backup.
        package let source: @Sendable () async throws -> Backup.Source
        /// The place that a schedule names.
        package let place: @Sendable (String) throws -> any BackupPlace
        /// Where a proof puts the database back for a while.
        package let scratch: String
        package let version: String
        package let migrations: [Migration]

        package init(
            source: @escaping @Sendable () async throws -> Backup.Source,
            place: @escaping @Sendable (String) throws -> any BackupPlace,
            scratch: String, version: String, migrations: [Migration]
        ) {
            self.source = source
            self.place = place
            self.scratch = scratch
            self.version = version
            self.migrations = migrations
        }
    }

    private let database: any Database
    private let tools: Tools
    private let surroundings: Surroundings
    private let isAlone: Bool
    private let logger: Logger
    private let threads = OwnThread(name: "martlet.backup")

    /// - Parameters:
    ///   - isAlone: No other server uses the database.
    package init(
        database: any Database, tools: Tools, surroundings: Surroundings, isAlone: Bool,
        logger: Logger
    ) {
        self.database = database
        self.tools = tools
        self.surroundings = surroundings
        self.isAlone = isAlone
        self.logger = logger
    }

    /// Until its task is cancelled.
    package func run() async throws {
        if isAlone { try? await database.write { try BackupSchedule.endLeases(in: $0) } }
        while true {
            do {
                try await round()
            } catch let error as CancellationError {
                throw error
            } catch {
                logger.warning("Backups cannot be looked at", metadata: ["error": "\(error)"])
            }
            try await surroundings.clock.sleep(for: .seconds(Limits.backupPollSeconds))
        }
    }

    /// Makes the one that is due; returns whether one was.
    @discardableResult
    package func round() async throws -> Bool {
        let now = surroundings.now()
        let offset = surroundings.secondsFromUTC(now)
        let found = try await database.read { try BackupSchedule.read(in: $0) }
        guard let found, found.isDue(at: now, secondsFromUTC: offset) else { return false }
        let lease = surroundings.randomNumber()
        let schedule = try await database.write { transaction in
            try BackupSchedule.take(
                lease, at: now, secondsFromUTC: offset, in: transaction)
        }
        guard let schedule else { return false }
        do {
            try await keeping(lease) {
                try await work(
                    schedule, makes: schedule.isMissing(at: now, secondsFromUTC: offset)
                ) {
                    try await database.write {
                        try BackupSchedule.made(lease, began: now, in: $0)
                    }
                }
            }
            try await database.write { try BackupSchedule.succeeded(lease, in: $0) }
        } catch is CancellationError {
            try? await database.write { try BackupSchedule.leave(lease, in: $0) }
            throw CancellationError()
        } catch {
            let (cause, failedAt) = (Self.cause(error), surroundings.now())
            logger.error("The nightly backup failed", metadata: ["error": "\(cause)"])
            try await database.write {
                try BackupSchedule.failed(lease, cause: cause, at: failedAt, in: $0)
            }
        }
        return true
    }

    private static func cause(_ error: any Error) -> String {
        switch error {
        case let error as BackupError: error.message
        case let error as StorageError: error.message
        case let error as KernelError: error.message
        default: "\(error)"
        }
    }

    /// Does the work on a thread of its own, and keeps the turn meanwhile.
    private func keeping(
        _ lease: UInt64, _ work: @escaping @Sendable () async throws -> Void
    ) async throws {
        let (database, surroundings, threads) = (database, surroundings, threads)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask(executorPreference: threads) {
                try await work()
                return true
            }
            group.addTask {
                while true {
                    try await surroundings.clock.sleep(
                        for: .seconds(Limits.backupLeaseRenewSeconds))
                    let now = surroundings.now()
                    // One that fails is tried again before the turn is lost.
                    try? await database.write { try BackupSchedule.renew(lease, at: now, in: $0) }
                }
            }
            defer { group.cancelAll() }
            while let isDone = try await group.next() {
                if isDone { return }
            }
        }
    }

    // MARK: - One night

    /// Makes it, unless it is made already; then proves and prunes.
    private func work(
        _ schedule: BackupSchedule, makes: Bool, made: @Sendable () async throws -> Void
    ) async throws {
        let place = try tools.place(schedule.folder)
        try await check(schedule, place)
        try await place.holding(for: "the nightly backup") {
            if makes {
                try await make(schedule, in: place)
                try await made()
            }
            try await proveIfDue(place)
            try await prune(schedule, in: place)
        }
    }

    private func make(_ schedule: BackupSchedule, in place: any BackupPlace) async throws {
        let backup = Backup(
            of: try await tools.source(), to: place, version: tools.version,
            migrations: tools.migrations, now: surroundings.now)
        try await backup.prepare(allowsSameDisk: schedule.allowsSameDisk)
        let report = try await backup.run { _ in }
        logger.notice(
            "A backup was made",
            metadata: [
                "objects": "\(report.objectCount)", "copied": "\(report.copiedCount)",
                "missing": "\(report.missing.count)",
            ])
    }

    private func prune(_ schedule: BackupSchedule, in place: any BackupPlace) async throws {
        let pruned = try await Backups(place).prune(by: schedule.rule)
        guard !pruned.removed.isEmpty || pruned.objectCount > 0 else { return }
        logger.notice(
            "Backups were pruned",
            metadata: [
                "removed": "\(pruned.removed.count)", "kept": "\(pruned.kept.count)",
                "objects": "\(pruned.objectCount)",
            ])
    }

    /// It was there when it was scheduled.
    private func check(_ schedule: BackupSchedule, _ place: any BackupPlace) async throws {
        guard try await place.isThere() else {
            throw BackupError(.folderAway, "\(place.text) is not there: mount its disk.")
        }
        guard schedule.lastAt != nil else { return }
        let hasBackup: Bool
        do {
            hasBackup = try await BackupManifest.find(in: place) != nil
        } catch is BackupError {
            hasBackup = false
        }
        guard hasBackup else {
            throw BackupError(
                .folderAway,
                place.localPath("") == nil
                    ? "\(place.text) has no backup in it any more: look what became of it, or run "
                        + "martlet backup schedule again."
                    : "\(place.text) has no backup in it any more: mount its disk, or run martlet "
                        + "backup schedule again.")
        }
    }

    /// A backup that doesn't restore is the proof's finding, no failure of tonight's.
    private func proveIfDue(_ place: any BackupPlace) async throws {
        let now = surroundings.now()
        let last = try await database.read { try LastProof.read(in: $0) }
        if let last, last.cause == nil, last.provenAt <= now,
            now < last.provenAt.adding(seconds: Limits.proofDueSeconds)
        {
            return
        }
        let report = try await BackupProof(
            of: place, scratch: tools.scratch, migrations: tools.migrations,
            randomNumber: surroundings.randomNumber
        ).run(readsAll: false) { _ in }
        let provenAt = surroundings.now()
        try await database.write { try LastProof.save(report, at: provenAt, in: $0) }
        try await Backups(place).remember(report, at: provenAt)
        logger.notice(
            "A backup was tried",
            metadata: ["restores": "\(report.problems.isEmpty)", "read": "\(report.readCount)"])
    }
}
