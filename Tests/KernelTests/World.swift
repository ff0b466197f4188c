import Kernel
import Records
import Storage
import Synchronization
import TestSupport

/// Where the kernel's rules are tried: one body of tests runs over each database.
enum Place: CaseIterable, Sendable {
    case memory
    case file
}

/// A server with two accounts that know everything about each other but passwords.
struct World {
    let kernel: Kernel
    let transaction: any Transaction
    let anna: Person
    let bert: Person
    let zone: Zone
    var now = Timestamp(milliseconds: 1_763_700_000_000)

    struct Person {
        let account: AccountID
        let photos: ZoneID
        let phone: Actor
        let laptop: Actor
    }

    static func make(
        _ transaction: any Transaction, schemas: [any RecordSchema] = [NotesSchema()]
    ) throws -> World {
        let kernel = Kernel(randomNumber: Numbers().next, schemas: schemas)
        let now = Timestamp(milliseconds: 1_763_700_000_000)
        try kernel.prepare(at: now, in: transaction)
        let people = try ["anna", "bert"].enumerated().map { index, name in
            let account = AccountID(high: 0xACC0, low: UInt64(index + 1))
            if try kernel.account(account, in: transaction) == nil {
                try kernel.createAccount(
                    account, name: name, quotaByteCount: nil, at: now, in: transaction)
            }
            let photos = try kernel.zones(of: account, in: transaction)
                .first { $0.kind == ZoneKind.photos }
            return Person(
                account: account, photos: photos?.id ?? ZoneID(high: 0, low: 0),
                phone: Actor(account: account, device: DeviceID(high: 1, low: UInt64(index))),
                laptop: Actor(account: account, device: DeviceID(high: 2, low: UInt64(index))))
        }
        let zone = try kernel.zone(people[0].photos, for: people[0].account, in: transaction)
        return World(
            kernel: kernel, transaction: transaction, anna: people[0], bert: people[1],
            zone: zone)
    }
}

/// Runs `body` in a fresh world in each place.
func inWorld(
    _ place: Place = .memory, schemas: [any RecordSchema] = [NotesSchema()],
    _ body: @escaping @Sendable (inout World) throws -> Void
) async throws {
    let migrations = Kernel.migrations + [NotesSchema.migration]
    switch place {
    case _ where TestDatabase.isPostgres:
        let database = try TestDatabase.inMemory(migrations: migrations)
        try await database.write { transaction in
            var world = try World.make(transaction, schemas: schemas)
            try body(&world)
        }
    case .memory:
        try SQLiteScratch.run(migrations: migrations) { transaction in
            var world = try World.make(transaction, schemas: schemas)
            try body(&world)
        }
    case .file:
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(path: folder.file("db"), migrations: migrations)
        try await database.write { transaction in
            var world = try World.make(transaction, schemas: schemas)
            try body(&world)
        }
        try database.close()
    }
}

/// Numbers that are the same in each run.
final class Numbers: Sendable {
    private let last: Mutex<UInt64>

    init(_ seed: UInt64 = 1) { last = Mutex(seed) }

    /// SplitMix64, in the public domain.
    @Sendable func next() -> UInt64 {
        last.withLock { last in
            last &+= 0x9E37_79B9_7F4A_7C15
            var mixed = last
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}

extension RecordType {
    static let asset = RecordType(rawValue: "asset")
    static let facts = RecordType(rawValue: "facts")
    static let rendering = RecordType(rawValue: "rendering")
    static let album = RecordType(rawValue: "album")
}

func key(_ type: RecordType, _ number: UInt64) -> RecordKey {
    RecordKey(type: type, id: RecordID(high: 7, low: number))
}

func asset(_ number: UInt64) -> RecordKey { key(.asset, number) }
func album(_ number: UInt64) -> RecordKey { key(.album, number) }
func group(_ number: UInt64) -> GroupID { GroupID(high: 9, low: number) }
func digest(_ content: String) -> Digest { Digest(of: Array(content.utf8)) }

func blob(_ content: String, byteCount: Int64 = 100) -> BlobReference {
    BlobReference(digest: digest(content), byteCount: byteCount, mediaType: "image/jpeg")
}

extension World {
    // MARK: - Doing

    /// Gives an account the bytes, as an upload would.
    @discardableResult
    func upload(
        _ content: String, byteCount: Int64 = 100, by person: Person? = nil,
        verified: Bool = false, place: String? = nil
    ) throws -> [ObjectKey] {
        let key = ObjectKey(text: place ?? "00000/\(content)-\(kernelKeySuffix(person))")
        return try kernel.addHoldings(
            [
                HeldObject(
                    object: StoredObject(
                        key: key, digest: digest(content), byteCount: byteCount),
                    verifiedAt: verified ? now : nil)
            ], for: (person ?? anna).account, at: now, in: transaction)
    }

    private func kernelKeySuffix(_ person: Person?) -> String {
        (person ?? anna).account.text
    }

    /// One group with these changes; its result.
    @discardableResult
    func commit(
        _ changes: RecordChange..., id: UInt64? = nil, by actor: Actor? = nil,
        to zone: ZoneID? = nil, protocolNumber: Int = WireProtocol.current
    ) throws -> GroupResult {
        let id = try id.map(group) ?? group(UInt64(0x1000) + UInt64(groupCount()))
        let receipt = try kernel.apply(
            [ChangeGroup(id: id, changes: changes)], to: zone ?? anna.photos,
            by: actor ?? anna.phone, protocolNumber: protocolNumber, at: now, in: transaction)
        return receipt.results[0]
    }

    private func groupCount() throws -> Int64 {
        try transaction.firstRow("SELECT COUNT(*) FROM savedGroup")?.integer(0) ?? 0
    }

    /// Days pass while the server runs.
    mutating func live(days: Int64) throws {
        for _ in 0..<days {
            now = now.adding(milliseconds: Timestamp.millisecondsPerDay)
            try kernel.tick(
                ClockReading(
                    wall: now, monotonicMilliseconds: now.milliseconds, process: 5),
                in: transaction)
        }
    }

    /// All turns of the collector; the objects it lets go of.
    @discardableResult
    func collect() throws -> [String] {
        var keys: [ObjectKey] = []
        while true {
            let turn = try kernel.collect(at: now, in: transaction)
            keys += turn.removable
            try kernel.removed(turn.removable, in: transaction)
            if !turn.more { return keys.map(\.text) }
        }
    }

    // MARK: - Looking

    func record(_ key: RecordKey) throws -> Record? {
        try kernel.record(key, in: anna.photos, in: transaction)
    }

    /// The base of a record's present state.
    func base(_ key: RecordKey) throws -> Base? {
        let zone = try kernel.zone(anna.photos, for: anna.account, in: transaction)
        return try record(key).map { Base(epoch: zone.epoch, sequence: $0.envelope.sequence) }
    }

    func head() throws -> Int64 {
        try kernel.zone(anna.photos, for: anna.account, in: transaction).head
    }

    func retained(_ key: RecordKey) throws -> [RetainedRevision] {
        try kernel.retained(key, in: anna.photos, in: transaction)
    }

    func used(_ person: Person? = nil) throws -> Int64 {
        try kernel.quota(of: (person ?? anna).account, in: transaction).usedByteCount
    }

    func changes(after token: ChangeToken? = nil, limit: Int = 100) throws -> ChangePage {
        try kernel.changes(
            in: anna.photos, for: anna.account, after: token, limit: limit, in: transaction)
    }

    func holds(_ content: String, _ person: Person? = nil) throws -> Bool {
        try kernel.have(
            [digest(content)], for: (person ?? anna).account, at: now, in: transaction
        ).isEmpty
    }
}

/// The code of the kernel's error that `body` throws; `nil` when it throws none.
func code(_ body: () throws -> Void) -> KernelError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? KernelError)?.code
    }
}
