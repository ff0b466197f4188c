import Foundation
import Kernel
import Library
import NIOCore
import Operations
import Records
import Storage
import TestSupport

struct RecoveryFailure: Error { let text: String }

/// A server with accounts and pictures, its manifest, and a folder to recover into.
final class RecoveryWorld {
    static let start = Timestamp(milliseconds: 1_790_000_000_000)

    let folder: TemporaryFolder
    let database: SQLiteDatabase
    let store: DirectoryObjectStore
    let kernel: Kernel
    let numbers = TestNumbers()
    let clock = TestClock(milliseconds: RecoveryWorld.start.milliseconds)

    init() async throws {
        folder = try TemporaryFolder()
        let data = folder.file("data")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        database = try SQLiteDatabase(
            path: data + "/database.sqlite",
            migrations: Kernel.migrations + OperationsSchema.migrations)
        store = try DirectoryObjectStore(path: data + "/blobs", randomNumber: numbers.next)
        kernel = Kernel(randomNumber: numbers.next)
        _ = try await database.write { [kernel] in try kernel.prepare(at: Self.start, in: $0) }
    }

    var manifest: String { folder.file("data/manifest.jsonl") }
    var objects: String { folder.file("data/blobs/objects") }
    var out: String { folder.file("out") }

    func writer(blobs: Manifest.Blobs = .directory) -> ManifestWriter {
        ManifestWriter(
            database: database, kernel: kernel, path: manifest, blobs: blobs, version: "1.2.3",
            now: clock.read, randomNumber: numbers.next)
    }

    func account(_ name: String) async throws -> Zone {
        let id = AccountID(high: 9, low: numbers.next())
        return try await database.write { [kernel] transaction in
            try kernel.createAccount(
                id, name: name, quotaByteCount: nil, at: Self.start, in: transaction)
            let zones = try kernel.zones(of: id, in: transaction)
            guard let zone = zones.first(where: { $0.kind == ZoneKind.photos }) else {
                throw RecoveryFailure(text: "no photos zone")
            }
            return zone
        }
    }

    /// Stores bytes, and gives them to the zone's owner.
    func store(
        _ bytes: [UInt8], for zone: Zone, as mediaType: String
    ) async throws -> (BlobReference, ObjectKey) {
        let writer = try await store.makeWriter()
        try await writer.append(ByteBuffer(bytes: bytes))
        let object = try await writer.finish()
        try await database.write { [kernel] transaction in
            _ = try kernel.addHoldings(
                [HeldObject(object: object, verifiedAt: nil)], for: zone.owner, at: Self.start,
                in: transaction)
        }
        return (
            BlobReference(
                digest: object.digest, byteCount: object.byteCount, mediaType: mediaType),
            object.key
        )
    }

    /// Imports a picture; `parts` are more of its roles.
    ///
    /// Returns the key of its original.
    @discardableResult
    func add(
        _ name: [UInt8], _ bytes: [UInt8], to zone: Zone, takenAt: String? = nil,
        modifiedAt: Timestamp? = nil, parts: [(BlobRole, [UInt8], String)] = [],
        isTrashed: Bool = false
    ) async throws -> ObjectKey {
        let (blob, object) = try await store(bytes, for: zone, as: "image/jpeg")
        let id = AssetIdentity.id(of: blob.digest, idKey: zone.idKey)
        var asset = RecordChange(key: RecordKey(type: .asset, id: id))
        asset.set =
            AssetFields(fileName: name, importedAt: Self.start, fileModifiedAt: modifiedAt).fields
        asset.setBlobs = [BlobRole.original.rawValue: blob]
        for (role, bytes, mediaType) in parts {
            asset.setBlobs[role.rawValue] = try await store(bytes, for: zone, as: mediaType).0
        }
        if isTrashed { asset.trashed = true }
        var changes = [asset]
        if let taken = takenAt.flatMap({ LocalTime(text: $0, offsetMinutes: 120) }) {
            var facts = RecordChange(key: RecordKey(type: .facts, id: id))
            facts.set = [
                "of": .string(blob.digest.text), "by": .integer(1), "takenAt": taken.json,
            ]
            changes.append(facts)
        }
        let group = ChangeGroup(id: GroupID(high: 3, low: numbers.next()), changes: changes)
        let receipt = try await database.write { [kernel] transaction in
            try kernel.apply(
                [group], to: zone.id,
                by: Actor(account: zone.owner, device: DeviceID(high: 7, low: 7)),
                at: Self.start, in: transaction)
        }
        guard receipt.results.first?.status == .saved else {
            throw RecoveryFailure(text: "\(receipt.results)")
        }
        return object
    }

    func recovery(account: String? = nil) -> Recovery {
        Recovery(
            from: Recovery.Source(
                folder: folder.file("data"), manifest: manifest, objects: objects),
            to: out, account: account)
    }

    func recover(account: String? = nil) throws -> RecoveryReport {
        let recovery = recovery(account: account)
        try recovery.prepare()
        return try recovery.run { _ in }
    }

    /// By path, what lies in OUT.
    func recovered() throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for name in FileManager.default.enumerator(atPath: out)?.compactMap({ $0 as? String }) ?? []
        {
            var isFolder: ObjCBool = false
            let path = out + "/" + name
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder),
                !isFolder.boolValue
            else { continue }
            found[name] = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        return found
    }

    func text() throws -> String { try String(contentsOfFile: manifest, encoding: .utf8) }

    func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}
