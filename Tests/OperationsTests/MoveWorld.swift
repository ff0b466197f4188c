import Foundation
import Kernel
import NIOCore
import Operations
import Records
import Storage
import Synchronization
import TestSupport
import Testing

/// A server to be moved, and places to move it to.
final class MoveWorld: Sendable {
    /// What a place is made of.
    struct Kind: Hashable, Sendable, CustomTestStringConvertible {
        let isPostgres: Bool
        let isBucket: Bool

        static let all = [false, true].flatMap { database in
            [false, true].map { Kind(isPostgres: database, isBucket: $0) }
        }
        static let embedded = Kind(isPostgres: false, isBucket: false)
        static let grown = Kind(isPostgres: true, isBucket: true)

        var testDescription: String {
            (isPostgres ? "PostgreSQL" : "SQLite") + (isBucket ? " and S3" : " and a directory")
        }
    }

    static let now = Timestamp(milliseconds: 1_790_000_000_000)
    static let migrations = Kernel.migrations + OperationsSchema.migrations

    let folder: TemporaryFolder
    let numbers = TestNumbers()
    let kernel: Kernel
    let account = AccountID(high: 1, low: 1)

    init() throws {
        folder = try TemporaryFolder()
        kernel = Kernel(randomNumber: numbers.next)
    }

    // MARK: - Places

    func database(
        _ name: String, _ kind: Kind, for purpose: DatabasePurpose
    ) throws -> any Database {
        let path = folder.file(name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        guard kind.isPostgres else {
            return try SQLiteDatabase(
                path: path + "/database", migrations: Self.migrations, for: purpose)
        }
        return try PostgresDatabase(
            PostgresAddress(parsing: TestDatabase.postgresAddress(path + "/database")),
            migrations: Self.migrations, for: purpose)
    }

    func store(_ name: String, _ kind: Kind) throws -> any ObjectStore {
        guard kind.isBucket else {
            return try DirectoryObjectStore(
                path: folder.file(name) + "/blobs", randomNumber: numbers.next)
        }
        let server = try S3TestServer.shared()
        return S3ObjectStore(
            place: try S3Place(
                parsing: server.place(folder.name + "/" + name), environment: server.environment),
            surroundings: S3Surroundings(
                now: { TestTime.now }, clock: ContinuousClock(),
                randomNumber: { UInt64.random(in: 0 ... .max) }))
    }

    /// Whether a server would open the database.
    func canServe(_ name: String, _ kind: Kind) throws -> Bool {
        do {
            _ = try database(name, kind, for: .serving)
            return true
        } catch let error as StorageError where error.code == .databaseMoved {
            return false
        }
    }

    func move(
        _ source: (String, Kind), _ target: (String, Kind), keepsObjects: Bool = false,
        through wrap: (any Database) -> any Database = { $0 }
    ) throws -> Move {
        try Move(
            from: Move.Place(
                name: "/" + source.0,
                database: wrap(try database(source.0, source.1, for: .movingFrom)),
                store: try store(source.0, source.1)),
            to: Move.Place(
                name: "/" + target.0,
                database: wrap(try database(target.0, target.1, for: .movingTo)),
                store: try store(keepsObjects ? source.0 : target.0, target.1)),
            keepsObjects: keepsObjects, kernel: kernel, migrations: Self.migrations)
    }

    // MARK: - The server

    func content(_ number: Int) -> [UInt8] {
        let count = number % 5 == 4 ? Limits.packedBlobByteCountMax + number : 1_000 + number
        return (0..<count).map { UInt8(truncatingIfNeeded: ($0 &* 7) ^ ($0 >> 8) &+ number) }
    }

    /// A server with so many objects, of an account with commits and a second epoch.
    @discardableResult
    func makeServer(_ name: String, _ kind: Kind, objects count: Int) async throws -> any Database {
        let database = try database(name, kind, for: .serving)
        let (kernel, account) = (kernel, account)
        try await database.write { transaction in
            let state = try kernel.prepare(at: Self.now, in: transaction)
            try kernel.createAccount(
                account, name: "anna", quotaByteCount: 1 << 40, at: Self.now, in: transaction)
            try kernel.beginEpoch(above: state.epoch, at: Self.now, in: transaction)
        }
        if let bucket = try store(name, kind) as? S3ObjectStore {
            let id = try await database.read { try kernel.serverState(in: $0).id }
            try await bucket.prepare(server: id)
        }
        try await add(0..<count, to: database, store(name, kind))
        return database
    }

    /// Stores objects, each of a record of its own.
    func add(
        _ range: Range<Int>, to database: any Database, _ store: any ObjectStore
    ) async throws {
        let (kernel, account) = (kernel, account)
        let zone = try await database.read { transaction in
            try kernel.zones(of: account, in: transaction)
                .first { $0.kind == ZoneKind.photos }?.id
        }
        guard let zone else { return }
        for number in range {
            let writer = try await store.makeWriter()
            try await writer.append(ByteBuffer(bytes: content(number)))
            let object = try await writer.finish()
            try await database.write { transaction in
                _ = try kernel.addHoldings(
                    [HeldObject(object: object, verifiedAt: Self.now)], for: account,
                    at: Self.now, in: transaction)
                var change = RecordChange(
                    key: RecordKey(
                        type: RecordType(rawValue: "note"),
                        id: RecordID(high: 7, low: UInt64(number))))
                change.set = ["text": .string("näm\(number)")]
                change.setBlobs = [
                    "original": BlobReference(
                        digest: object.digest, byteCount: object.byteCount,
                        mediaType: "image/jpeg")
                ]
                _ = try kernel.apply(
                    [ChangeGroup(id: GroupID(high: 1, low: UInt64(number)), changes: [change])],
                    to: zone, by: Actor(account: account, device: DeviceID(high: 2, low: 2)),
                    at: Self.now, in: transaction)
            }
        }
    }

    /// All that devices could notice, as text: the server, its zones, commits, records, sessions.
    func whole(_ database: any Database, without columns: [String] = []) async throws -> [String] {
        let tables = try SchemaTable.all(of: Self.migrations)
        return try await database.read { transaction in
            var lines: [String] = []
            for table in tables {
                let chosen = table.without(columns)
                try chosen.forEachRow(in: transaction) { row in
                    lines.append("\(table.name) \(row.values)")
                    return true
                }
            }
            return lines
        }
    }

    /// Reads every object of the server from its store.
    func expectObjects(
        _ database: any Database, _ store: any ObjectStore
    ) async throws -> Set<Digest> {
        let rows = try await database.read {
            try $0.rows("SELECT digest, objectKey, byteCount FROM object", [])
        }
        var found: Set<Digest> = []
        for row in rows {
            let object = try await store.verify(ObjectKey(text: row.text(1)))
            guard object.digest == row.optionalDigest(0), object.byteCount == row.integer(2) else {
                throw RecoveryFailure(text: "the object \(row.text(1)) is not what its row says")
            }
            found.insert(object.digest)
        }
        return found
    }
}

/// A database whose writes fail after so many, as if its process had ended.
struct FailingDatabase: Database {
    struct Ended: Error {}

    final class Budget: Sendable {
        private let left: Mutex<Int>
        init(_ count: Int) { left = Mutex(count) }
        func spend() throws {
            try left.withLock { left in
                guard left > 0 else { throw Ended() }
                left -= 1
            }
        }
    }

    let database: any Database
    let budget: Budget

    func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R { try await database.read(body) }

    func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        try budget.spend()
        return try await database.write(body)
    }
}

/// A database behind each write of which something else happens.
struct MeddledDatabase: Database {
    let database: any Database
    let meddle: @Sendable () async throws -> Void

    func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R { try await database.read(body) }

    func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        let result = try await database.write(body)
        try await meddle()
        return result
    }
}
