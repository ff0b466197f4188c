import Foundation
import Kernel
import NIOCore
import Operations
import Records
import Storage
import Synchronization
import TestSupport
import Testing

/// Several backups in one bucket: made, pruned, proven, and put back.
@Suite struct BucketBackupTests {
    private static let day: Int64 = 86_400

    private func objects(_ world: BackupWorld) async throws -> Set<String> {
        Set(
            try await world.place.objects(after: nil, limit: 1_000)
                .map { String($0.name.suffix(64)) })
    }

    private func names(_ world: BackupWorld) async throws -> [String] {
        try await world.place.files().map(\.name)
    }

    /// Puts other bytes there, as a disk of the store does that rots.
    private func damage(_ name: String, _ world: BackupWorld) throws {
        try S3TestServer.shared().put(
            [UInt8](repeating: 7, count: 5_000), at: "\(world.folder.name)/backup/\(name)")
    }

    private func object(_ digest: Digest) -> String {
        "objects/\(digest.text.prefix(2))/\(digest.text)"
    }

    @Test func `only what is new is sent, and each backup restores what was there then`()
        async throws
    {
        let world = try await BackupWorld(inBucket: true)
        try Data("key\n".utf8).write(
            to: URL(fileURLWithPath: world.folder.file("data/revoked")))
        let first = try await world.add(1)
        let stays = try await world.add(2)
        let early = try await world.report()
        #expect(early.copiedCount == 2)
        try await world.remove(first)
        let second = try await world.add(3)
        world.clock.advance(seconds: Self.day)
        let late = try await world.report()
        #expect(late.copiedCount == 1 && late.objectCount == 2 && late.missing.isEmpty)
        #expect(try await world.backups() == [early.madeAt, late.madeAt])
        #expect(try await objects(world) == Set([first, second, stays].map(\.text)))
        #expect(
            try await names(world) == [
                "database-\(early.madeAt.milliseconds).sqlite",
                "database-\(late.madeAt.milliseconds).sqlite",
                "list-\(early.madeAt.milliseconds).txt", "list-\(late.madeAt.milliseconds).txt",
                "manifest-\(early.madeAt.milliseconds).json",
                "manifest-\(late.madeAt.milliseconds).json", "manifest.json", "revoked",
            ])
        // Nothing of it stays on the server's own disk.
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: world.folder.file("work")).isEmpty)
        for (madeAt, digest) in [(early.madeAt, first), (late.madeAt, second)] {
            let report = try await world.prove(madeAt)
            #expect(report.problems.isEmpty && report.readCount == 2, "\(report.problems)")
            let path = world.folder.file("restored-\(madeAt.milliseconds)")
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
            let restore = Restore(
                from: try world.place, madeAt: madeAt,
                to: Restore.Target(
                    folder: path, database: path + "/database", objects: path + "/objects",
                    revoked: path + "/revoked", receiptKey: path + "/receipt.key",
                    mark: path + "/mark"),
                kernel: world.kernel, migrations: BackupWorld.migrations, at: world.clock.read())
            try await restore.prepare(replaces: false)
            let restored = try await restore.run { _ in }
            #expect(restored.copiedCount == 2 && restored.missing.isEmpty)
            let found = try FileManager.default.subpathsOfDirectory(atPath: path + "/objects")
            #expect(found.contains { $0.contains(digest.text) })
            let revoked = try Data(contentsOf: URL(fileURLWithPath: path + "/revoked"))
            #expect(revoked == Data("key\n".utf8))
        }
    }

    @Test func `what no kept backup names goes, and nothing while a list is damaged`()
        async throws
    {
        let world = try await BackupWorld(inBucket: true)
        let (stays, goes) = (try await world.add(1), try await world.add(2))
        try await world.backUp()
        try await world.remove(goes)
        world.clock.advance(seconds: Self.day)
        let late = try await world.backUp()
        let rule = try KeepRule(parsing: "1d")
        let place = try world.place
        let list = "list-\(late.milliseconds).txt"
        let good = try await place.read(list, byteCountMax: 1_000)
        try S3TestServer.shared().put(
            Array(String(decoding: good, as: UTF8.self).replacing("1", with: "2").utf8),
            at: "\(world.folder.name)/backup/\(list)")
        let before = try await names(world)
        let error = await #expect(throws: BackupError.self) {
            try await place.holding(for: "a test") { try await Backups(place).prune(by: rule) }
        }
        #expect(error?.code == .backupDamaged)
        #expect(try await names(world) == before)
        #expect(try await objects(world) == [stays.text, goes.text])
        try S3TestServer.shared().put(good, at: "\(world.folder.name)/backup/\(list)")
        let dry = try await place.holding(for: "a test") {
            try await Backups(place).prune(by: rule, isDry: true)
        }
        #expect(dry.objectCount == 1 && dry.removed.count == 1)
        let pruned = try await place.holding(for: "a test") {
            try await Backups(place).prune(by: rule)
        }
        #expect(pruned == dry)
        #expect(try await world.backups() == [late])
        #expect(try await objects(world) == [stays.text])
        #expect(try await world.prove().problems.isEmpty)
    }

    @Test func `a damaged object, one that is gone and a damaged database are found`()
        async throws
    {
        let world = try await BackupWorld(inBucket: true)
        var digests: [Digest] = []
        for number in 0..<20 { digests.append(try await world.add(UInt8(number))) }
        let madeAt = try await world.backUp()
        try damage(object(digests[3]), world)
        let place = try world.place
        try await place.holding(for: "a test") { try await place.remove([object(digests[5])]) }
        #expect(
            try await world.prove().problems == [
                "1 item of 20 are gone or cut off", "1 item of 19 that were read are damaged",
            ])
        // What is gone is sent again, and what is damaged with its size stays for the proof.
        world.clock.advance(seconds: 1)
        #expect(try await world.report().copiedCount == 1)
        try damage("database-\(madeAt.milliseconds).sqlite", world)
        let bad = try await world.prove(madeAt)
        #expect(bad.problems.contains { $0.hasSuffix("is not what the backup says") })
    }

    @Test(arguments: [
        S3Fault(
            .error, ["PUT", "/objects/"], count: .max, skip: 4, status: 403,
            code: "AccessDenied"),
        S3Fault(.error, ["manifest"], count: .max, status: 403, code: "AccessDenied"),
        S3Fault(.error, ["PUT", "database-"], count: .max, status: 507, code: ""),
    ])
    func `what fails in the middle is no backup, and the next one goes on`(
        fault: S3Fault
    ) async throws {
        let world = try await BackupWorld(inBucket: true)
        for number in 0..<9 { try await world.add(UInt8(number)) }
        var fault = fault
        fault.add(world.folder.name)
        let server = try S3TestServer.shared()
        try await server.set([fault])
        let error = await #expect(throws: StorageError.self) { try await world.backUp() }
        try await server.set([])
        #expect(error?.code == .objectStoreRefused || error?.code == .diskFull)
        let none = await #expect(throws: BackupError.self) { try await world.backups() }
        #expect(none?.code == .notABackup)
        // Its lock may have stayed, since the store refused to remove it; here nobody waits.
        world.clock.advance(seconds: 1)
        let report = try await world.report()
        #expect(report.objectCount == 9)
        #expect(try await world.prove().problems.isEmpty)
        // And nothing is left of the first.
        #expect(try await names(world).filter { $0.hasPrefix("database-") }.count == 1)
    }

    @Test func `one that has lost the bucket to another does not say that it is whole`()
        async throws
    {
        let world = try await BackupWorld(inBucket: true)
        try await world.add(1)
        let lock = "\(world.folder.name)/backup/lock"
        let taken = Mutex(false)
        let place = try world.place
        let backup = Backup(
            of: world.source, to: place, version: "1", migrations: BackupWorld.migrations,
            now: world.clock.read)
        let error = await #expect(throws: StorageError.self) {
            try await place.holding(for: "a test") {
                try await backup.run { _ in
                    guard !taken.withLock({ $0 }) else { return }
                    taken.withLock { $0 = true }
                    try? S3TestServer.shared().put(
                        Array("martlet backup lock 1\nanother\npruning\n".utf8), at: lock)
                }
            }
        }
        #expect(error?.code == .busy)
        await #expect(throws: BackupError.self) { try await world.backups() }
        // The other's lock is left alone.
        #expect(try await names(world).contains("lock"))
        let busy = await #expect(throws: BackupError.self) { try await world.backUp() }
        #expect(busy?.code == .folderBusy)
    }

    @Test func `the blobs' own place is refused, and their bucket unless it is allowed`()
        async throws
    {
        let world = try MoveWorld()
        try await world.makeServer("old", .grown, objects: 1)
        func prepare(_ prefix: String, _ allowsSameDisk: Bool) async throws {
            let server = try S3TestServer.shared()
            let place = BucketBackupPlace(
                try S3Place(
                    parsing: server.place(prefix), environment: server.environment,
                    for: .backups),
                work: world.folder.file("work"),
                surroundings: S3Surroundings(
                    now: { MoveWorld.now }, clock: ContinuousClock(), randomNumber: { 1 })
            ) { _, _ in true }
            let path = world.folder.file("old")
            try await Backup(
                of: Backup.Source(
                    database: try world.database("old", .grown, for: .serving),
                    store: try world.store("old", .grown),
                    keepsakes: FileKeepsakes(receiptKey: path + "/a", revoked: path + "/b"),
                    folder: path, isOnDisk: false),
                to: place, version: "1", migrations: MoveWorld.migrations,
                now: { MoveWorld.now }
            ).prepare(allowsSameDisk: allowsSameDisk)
        }
        let name = world.folder.name
        for prefix in ["\(name)/old", "\(name)/old/backup", name] {
            let error = await #expect(throws: BackupError.self) { try await prepare(prefix, true) }
            #expect(error?.code == .invalidFolder, "\(prefix)")
        }
        let same = await #expect(throws: BackupError.self) {
            try await prepare("\(name)/older", false)
        }
        #expect(same?.code == .sameDisk && same?.message.contains("--same-disk") == true)
        try await prepare("\(name)/older", true)
    }

    @Test func `the server makes, proves and prunes them by itself`() async throws {
        let world = try await BackupWorld(inBucket: true)
        try await world.add(1)
        try await world.schedule("1d")
        #expect(try await world.nightly().round())
        world.clock.advance(seconds: Self.day)
        try await world.add(2)
        #expect(try await world.nightly().round())
        let kept = try await Backups(world.place).backups()
        // The newest, and the one that was proven.
        #expect(kept.count == 2 && kept[0].provenAt != nil && kept[1].provenAt == nil)
        #expect(try await world.findings() == [])
        // Emptied by somebody, it is not filled anew without a word.
        let place = try world.place
        try await place.holding(for: "a test") {
            try await place.remove(try await place.files().map(\.name).filter { $0 != "lock" })
        }
        world.clock.advance(seconds: Self.day)
        #expect(try await world.nightly().round())
        let cause = try await world.scheduled?.failure?.cause
        #expect(cause?.contains("has no backup in it any more") == true, "\(cause ?? "")")
    }

    @Test func `a server of PostgreSQL and a bucket comes back from another bucket`()
        async throws
    {
        let world = try MoveWorld()
        let database = try await world.makeServer("old", .grown, objects: 7)
        let place = try BackupPlacesForTests.bucket(world.folder)
        let path = world.folder.file("old")
        let backup = Backup(
            of: Backup.Source(
                database: database, store: try world.store("old", .grown),
                keepsakes: FileKeepsakes(
                    receiptKey: path + "/receipt.key", revoked: path + "/revoked"),
                folder: path, isOnDisk: false),
            to: place, version: "1", migrations: MoveWorld.migrations, now: { MoveWorld.now })
        try await backup.prepare(allowsSameDisk: true)
        let made = try await place.holding(for: "a test") { try await backup.run { _ in } }
        #expect(made.copiedCount == 7 && made.missing.isEmpty)
        #expect(try await RestoreByRows.isOfBucket(place))
        let new = world.folder.file("new")
        let report = try await RestoreByRows(
            from: place,
            to: RestoreByRows.Target(
                name: "new", database: try world.database("new", .grown, for: .movingTo),
                store: try world.store("new", .grown),
                keepsakes: FileKeepsakes(
                    receiptKey: new + "/receipt.key", revoked: new + "/revoked"),
                work: new + "/restoring.sqlite"),
            kernel: world.kernel, migrations: MoveWorld.migrations, at: MoveWorld.now
        ).run { _ in }
        #expect(report.copiedCount == 7 && report.missing.isEmpty)
        let restored = try world.database("new", .grown, for: .serving)
        let expected = try await world.expectObjects(database, world.store("old", .grown))
        #expect(
            try await world.expectObjects(restored, world.store("new", .grown)) == expected)
    }
}
