import Foundation
import Kernel
import Logging
import NIOCore
import Operations
import Records
import Status
import Storage
import Synchronization
import TestSupport
import Testing

/// A server with a few objects, and a folder or a bucket for its backups.
final class BackupWorld: Sendable {
    static let migrations =
        Kernel.migrations + OperationsSchema.migrations + OperationsSchema.laterMigrations

    let folder: TemporaryFolder
    let database: SQLiteDatabase
    /// Noon in UTC, on a Monday.
    let clock = TestClock(milliseconds: 1_793_620_800_000)
    let numbers = TestNumbers()
    let kernel: Kernel
    private let store: DirectoryObjectStore
    private let account = AccountID(high: 1, low: 1)
    private let openCount = Mutex(0)
    private let taken = Mutex<Set<String>>([])
    private let isInBucket: Bool

    init(inBucket: Bool = false) async throws {
        folder = try TemporaryFolder()
        isInBucket = inBucket
        let path = folder.file("data")
        for name in ["data", "backup"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(name), withIntermediateDirectories: true)
        }
        database = try SQLiteDatabase(path: path + "/database", migrations: Self.migrations)
        store = try DirectoryObjectStore(path: path + "/blobs", randomNumber: numbers.next)
        kernel = Kernel(randomNumber: numbers.next)
        let (kernel, account, now) = (kernel, account, clock.read())
        try await database.write { transaction in
            try kernel.prepare(at: now, in: transaction)
            try kernel.createAccount(
                account, name: "anna", quotaByteCount: nil, at: now, in: transaction)
        }
    }

    var backup: String { folder.file("backup") }

    /// One more view of it: each may take it.
    var place: any BackupPlace {
        get throws {
            if isInBucket { return try BackupPlacesForTests.bucket(folder) }
            return FolderBackupPlace(backup) { [self] path, _ in
                taken.withLock { $0.insert(path).inserted } ? Taken(world: self, path) : nil
            }
        }
    }

    /// Stores an object.
    @discardableResult
    func add(_ number: UInt8) async throws -> Digest {
        let writer = try await store.makeWriter()
        try await writer.append(ByteBuffer(bytes: [UInt8](repeating: number, count: 5_000)))
        let held = HeldObject(object: try await writer.finish(), verifiedAt: nil)
        let (kernel, account, now) = (kernel, account, clock.read())
        try await database.write { transaction in
            _ = try kernel.addHoldings([held], for: account, at: now, in: transaction)
        }
        return held.object.digest
    }

    /// As the collector does, 30 days after nobody wants it any more.
    func remove(_ digest: Digest) async throws {
        let key = try await database.write { transaction -> ObjectKey? in
            let key = try transaction.rows(
                "DELETE FROM object WHERE digest = ? RETURNING objectKey", [SQLValue(digest)]
            ).first?.text(0)
            _ = try transaction.execute(
                "DELETE FROM holding WHERE digest = ?", [SQLValue(digest)])
            return key.map(ObjectKey.init(text:))
        }
        try await store.remove([try #require(key)])
    }

    var source: Backup.Source {
        let path = folder.file("data")
        return Backup.Source(
            database: database, store: store,
            keepsakes: FileKeepsakes(
                receiptKey: path + "/receipt.key", revoked: path + "/revoked"), folder: path)
    }

    /// Makes a backup by hand.
    @discardableResult
    func backUp() async throws -> Timestamp {
        try await report().madeAt
    }

    func report() async throws -> Backup.Report {
        let place = try place
        let made = Backup(
            of: source, to: place, version: "1", migrations: Self.migrations, now: clock.read)
        try await made.prepare(allowsSameDisk: true)
        return try await place.holding(for: "a test") { try await made.run { _ in } }
    }

    func prove(_ madeAt: Timestamp? = nil) async throws -> BackupProof.Report {
        try await BackupProof(
            of: place, madeAt: madeAt, scratch: folder.file("scratch"),
            migrations: Self.migrations, randomNumber: numbers.next
        ).run(readsAll: true) { _ in }
    }

    // MARK: - By itself

    func schedule(at minute: Int = 180, _ rule: String = "7d4w12m") async throws {
        let schedule = BackupSchedule(
            folder: isInBucket ? "s3://test" : backup, minute: minute,
            rule: try KeepRule(parsing: rule),
            allowsSameDisk: true)
        try await database.write { try schedule.save(in: $0) }
    }

    var scheduled: BackupSchedule? {
        get async throws { try await database.read { try BackupSchedule.read(in: $0) } }
    }

    /// How often a nightly backup was begun.
    var openings: Int { openCount.withLock { $0 } }

    /// Somebody else writes into the backup's folder.
    func occupyFolder(_ isOccupied: Bool) {
        taken.withLock { $0 = isOccupied ? [backup + "/lock"] : [] }
    }

    func nightly(
        secondsFromUTC: Int64 = 0, clock waiting: any Clock<Duration> = ContinuousClock(),
        opened: @escaping @Sendable () async throws -> Void = {}
    ) -> NightlyBackups {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return NightlyBackups(
            database: database,
            tools: NightlyBackups.Tools(
                source: { [self] in
                    openCount.withLock { $0 += 1 }
                    try await opened()
                    return source
                },
                place: { [self] _ in try place },
                scratch: folder.file("scratch"), version: "1", migrations: Self.migrations),
            surroundings: NightlyBackups.Surroundings(
                now: clock.read, randomNumber: numbers.next, clock: waiting,
                secondsFromUTC: { _ in secondsFromUTC }), isAlone: false, logger: logger)
    }

    private final class Taken: Sendable {
        private let world: BackupWorld
        private let folder: String

        init(world: BackupWorld, _ folder: String) {
            self.world = world
            self.folder = folder
        }

        deinit { _ = world.taken.withLock { $0.remove(folder) } }
    }

    // MARK: - Looking

    func backups() async throws -> [Timestamp] {
        try await Backups(place).backups().map(\.manifest.madeAt)
    }

    func objects() throws -> Set<String> {
        let names = try FileManager.default.subpathsOfDirectory(atPath: backup + "/objects")
        return Set(names.filter { $0.count > 60 }.map { String($0.suffix(64)) })
    }

    func names(_ prefix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: backup).filter {
            $0.hasPrefix(prefix)
        }.sorted()
    }

    /// What the doctor says of the backup.
    func findings() async throws -> [String] {
        let path = folder.file("data")
        let server = ExaminedServer(
            place: ExaminedServer.Place(
                folder: path, manifest: path + "/manifest.jsonl", workFolder: path, holder: nil),
            database: .success(
                try SQLiteReader(path: path + "/database", migrations: Self.migrations)),
            store: .success(store), kernel: kernel, migrations: Self.migrations,
            surroundings: ExaminedServer.Surroundings(
                now: clock.read, monotonicMilliseconds: { 0 }, clock: ContinuousClock()),
            isDeep: false)
        let report = await ServerExaminations.run(server)
        return report.examinations.filter { ["backup", "backupProof"].contains($0.name) }
            .flatMap { $0.findings.map(\.code.rawValue) }
    }
}
