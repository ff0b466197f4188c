import Foundation
import Kernel
import Library
import Logging
import Media
import NIOCore
import Photos
import Records
import Storage
import Synchronization
import TestSupport

/// A database, a store and a kernel with photos, for one test.
final class PhotoWorld: Sendable {
    static let start = Timestamp(milliseconds: 1_700_000_000_000)

    let database: any Database
    let store: any ObjectStore
    let kernel: Kernel
    let service: PhotosService
    let folder: TemporaryFolder
    private let random: SeededRandom
    private let time = Mutex(start)

    init(seed: UInt64 = 1, inBucket: Bool = BlobsForTests.areInBucket) async throws {
        let random = SeededRandom(seed: seed)
        self.random = random
        folder = try TemporaryFolder()
        database = try TestDatabase.inMemory(
            migrations: Kernel.migrations + PhotosSchema.migrations)
        store =
            inBucket
            ? try BlobsForTests.bucket(folder)
            : try DirectoryObjectStore(
                path: folder.file("store"), randomNumber: { random.next() })
        kernel = Kernel(randomNumber: { random.next() }, schemas: [PhotosSchema()])
        service = PhotosService(database: database, kernel: kernel)
        _ = try await database.write { [kernel] in try kernel.prepare(at: Self.start, in: $0) }
    }

    var now: Timestamp { time.withLock { $0 } }

    func advance(milliseconds: Int64) {
        time.withLock { $0 = $0.adding(milliseconds: milliseconds) }
    }

    func number(below limit: Int) -> Int { Int(random.next() % UInt64(limit)) }

    /// Makes an account; returns it with its photo library.
    func account(_ name: String) async throws -> (account: AccountID, zone: Zone) {
        let id = AccountID(high: random.next(), low: random.next())
        return try await database.write { [kernel] transaction in
            try kernel.createAccount(
                id, name: name, quotaByteCount: nil, at: Self.start, in: transaction)
            let zones = try kernel.zones(of: id, in: transaction)
            guard let zone = zones.first(where: { $0.kind == ZoneKind.photos }) else {
                throw TestFailure("The account has no photos zone.")
            }
            return (id, zone)
        }
    }

    /// Stores bytes for an account.
    @discardableResult
    func store(
        _ bytes: [UInt8], for account: AccountID, as mediaType: String = "image/jpeg"
    ) async throws -> BlobReference {
        let writer = try await store.makeWriter()
        try await writer.append(ByteBuffer(bytes: bytes))
        let object = try await writer.finish()
        let now = now
        let surplus = try await database.write { [kernel] transaction in
            try kernel.addHoldings(
                [HeldObject(object: object)], for: account, at: now, in: transaction)
        }
        try await store.remove(surplus)
        return BlobReference(
            digest: object.digest, byteCount: object.byteCount, mediaType: mediaType)
    }

    /// Commits one group as a device of the account; throws unless it is saved.
    @discardableResult
    func commit(
        _ changes: [RecordChange], to zone: Zone, expecting status: GroupResult.Status = .saved
    ) async throws -> GroupResult {
        let group = ChangeGroup(
            id: GroupID(high: random.next(), low: random.next()), changes: changes)
        let now = now
        let receipt = try await database.write { [kernel] transaction in
            try kernel.apply(
                [group], to: zone.id,
                by: Actor(account: zone.owner, device: DeviceID(high: 7, low: 7)), at: now,
                in: transaction)
        }
        guard let result = receipt.results.first, result.status == status else {
            throw TestFailure("The commit ended otherwise: \(receipt.results)")
        }
        return result
    }

    /// Imports a picture as a device does; returns its id.
    @discardableResult
    func addPicture(
        _ name: String, _ bytes: [UInt8], to zone: Zone, as mediaType: String = "image/jpeg",
        takenAt: LocalTime? = nil, fields extra: Fields = [:]
    ) async throws -> RecordID {
        let blob = try await store(bytes, for: zone.owner, as: mediaType)
        let id = AssetIdentity.id(of: blob.digest, idKey: zone.idKey)
        var asset = RecordChange(key: RecordKey(type: .asset, id: id))
        asset.set = ["name": .string(name), "importedAt": .integer(now.milliseconds)]
        asset.set.merge(extra) { $1 }
        asset.setBlobs = [BlobRole.original.rawValue: blob]
        var changes = [asset]
        if let takenAt {
            var facts = RecordChange(key: RecordKey(type: .facts, id: id))
            facts.set = Self.facts(of: blob.digest, by: Facts.quickReader, takenAt: takenAt)
            changes.append(facts)
        }
        try await commit(changes, to: zone)
        return id
    }

    static func facts(of digest: Digest, by reader: Int, takenAt: LocalTime?) -> Fields {
        var fields: Fields = [
            "of": .string(digest.text), "by": .integer(Int64(reader)),
            "kind": .string("image"), "mediaType": .string("image/jpeg"),
        ]
        if let takenAt { fields["takenAt"] = takenAt.json }
        return fields
    }

    func record(_ type: RecordType, _ id: RecordID, in zone: Zone) async throws -> Record? {
        try await database.read { [kernel] transaction in
            try kernel.record(RecordKey(type: type, id: id), in: zone.id, in: transaction)
        }
    }

    /// The state that a change is made from.
    func base(_ type: RecordType, _ id: RecordID, in zone: Zone) async throws -> Base? {
        try await record(type, id, in: zone).map {
            Base(epoch: zone.epoch, sequence: $0.envelope.sequence)
        }
    }

    /// Every row of the projections, as text.
    func projections() async throws -> [String] {
        try await database.read { transaction in
            try ["photoAsset", "photoMonth"].flatMap { table in
                try transaction.rows("SELECT * FROM \(table)").map { "\(table) \($0.values)" }
            }.sorted()
        }
    }

    func worker(_ reader: any PictureReader) -> RenderingWorker {
        let random = random
        return RenderingWorker(
            database: database, objects: store, kernel: kernel, reader: reader,
            surroundings: RenderingWorker.Surroundings(
                now: { self.now }, clock: ContinuousClock(), randomNumber: { random.next() },
                temporaryFolder: folder.path),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// SplitMix64: the same numbers from the same seed.
final class SeededRandom: Sendable {
    private let state: Mutex<UInt64>

    init(seed: UInt64) { state = Mutex(seed) }

    func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }
}

/// A date in a test's own words.
func localTime(_ text: String, _ offsetMinutes: Int? = nil) throws -> LocalTime {
    guard let time = LocalTime(text: text, offsetMinutes: offsetMinutes) else {
        throw TestFailure("\(text) is no date.")
    }
    return time
}
