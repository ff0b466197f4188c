import Foundation
import Kernel
import Operations
import Records
import Storage
import TestSupport
import Testing

/// Several backups in one folder, and which of them and of their objects go.
@Suite struct BackupFolderTests {
    private static let day: Int64 = 86_400

    @Test func `each backup restores what was there then, and objects are copied once`()
        async throws
    {
        let world = try await BackupWorld()
        let first = try await world.add(1)
        let early = try await world.backUp()
        try await world.remove(first)
        let second = try await world.add(2)
        world.clock.advance(seconds: Self.day)
        let late = try await world.backUp()
        #expect(try await world.backups() == [early, late])
        #expect(try world.objects() == [first.text, second.text])
        for (madeAt, digest) in [(early, first), (late, second)] {
            let report = try await world.prove(madeAt)
            #expect(report.problems.isEmpty && report.madeAt == madeAt, "\(report.problems)")
            let path = world.folder.file("restored-\(madeAt.milliseconds)")
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true)
            let restored = try await Restore(
                from: world.place, madeAt: madeAt,
                to: Restore.Target(
                    folder: path, database: path + "/database", objects: path + "/objects",
                    revoked: path + "/revoked", receiptKey: path + "/receipt.key",
                    mark: path + "/mark"),
                kernel: world.kernel, migrations: BackupWorld.migrations, at: world.clock.read()
            ).run { _ in }
            #expect(restored.copiedCount == 1 && restored.missing.isEmpty)
            let names = try FileManager.default.subpathsOfDirectory(atPath: path + "/objects")
            #expect(names.contains { $0.contains(digest.text) })
        }
        await #expect(throws: BackupError.self) {
            try await BackupManifest.read(in: world.place, madeAt: early.adding(seconds: 1))
        }
    }

    @Test func `what no kept backup names goes, and nothing else`() async throws {
        let world = try await BackupWorld()
        let (stays, goes) = (try await world.add(1), try await world.add(2))
        let early = try await world.backUp()
        try await world.remove(goes)
        world.clock.advance(seconds: Self.day)
        let late = try await world.backUp()
        let rule = try KeepRule(parsing: "1d")
        let before = try FileManager.default.subpathsOfDirectory(atPath: world.backup).sorted()

        let dry = try await Backups(world.place).prune(by: rule, isDry: true)
        #expect(dry.removed.map(\.manifest.madeAt) == [early])
        #expect(dry.objectCount == 1 && dry.objectByteCount == 5_000)
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: world.backup).sorted() == before)

        #expect(try await Backups(world.place).prune(by: rule) == dry)
        #expect(try await world.backups() == [late])
        #expect(try world.objects() == [stays.text])
        #expect(try world.names("database-") == ["database-\(late.milliseconds).sqlite"])
        #expect(try world.names("list-") == ["list-\(late.milliseconds).txt"])
        #expect(try await world.prove().problems.isEmpty)
        let again = try await Backups(world.place).prune(by: rule)
        #expect(again.removed.isEmpty && again.objectCount == 0)
    }

    @Test func `the newest that was proven stays, and a failed proof is none`() async throws {
        let world = try await BackupWorld()
        let digest = try await world.add(1)
        let proven = try await world.backUp()
        let report = try await world.prove()
        try await Backups(world.place).remember(report, at: world.clock.read())
        for _ in 0..<3 {
            world.clock.advance(seconds: Self.day)
            try await world.backUp()
        }
        let rule = try KeepRule(parsing: "1d")
        let pruned = try await Backups(world.place).prune(by: rule)
        #expect(pruned.removed.count == 2)
        #expect(try await world.backups().first == proven && pruned.kept.count == 2)
        #expect(pruned.kept.map(\.provenAt) == [Timestamp(milliseconds: 1_793_620_800_000), nil])
        // Later it does not restore any more.
        let text = digest.text
        try Data([1]).write(
            to: URL(fileURLWithPath: "\(world.backup)/objects/\(text.prefix(2))/\(text)"))
        let bad = try await world.prove(proven)
        #expect(!bad.problems.isEmpty)
        try await Backups(world.place).remember(bad, at: world.clock.read())
        #expect(try await Backups(world.place).prune(by: rule).removed.count == 1)
    }

    @Test func `with a damaged list nothing is removed`() async throws {
        let world = try await BackupWorld()
        let goes = try await world.add(1)
        try await world.backUp()
        try await world.remove(goes)
        world.clock.advance(seconds: Self.day)
        try await world.add(2)
        let last = try await world.backUp()
        let list = URL(fileURLWithPath: world.backup + "/list-\(last.milliseconds).txt")
        var bytes = try Data(contentsOf: list)
        bytes[5] ^= 1
        try bytes.write(to: list)
        let before = try FileManager.default.subpathsOfDirectory(atPath: world.backup).sorted()
        let error = await #expect(throws: BackupError.self) {
            try await Backups(world.place).prune(by: KeepRule(parsing: "1d"))
        }
        #expect(error?.code == .backupDamaged)
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: world.backup).sorted() == before)
    }

    @Test func `a folder of a Martlet that kept one backup is gone on with`() async throws {
        let world = try await BackupWorld()
        try await world.add(1)
        let early = try await world.backUp()
        // As it was then: one manifest, without the other name.
        try FileManager.default.removeItem(
            atPath: world.backup + "/manifest-\(early.milliseconds).json")
        #expect(try await world.backups() == [early])
        #expect(try await BackupManifest.read(in: world.place, madeAt: early).madeAt == early)
        world.clock.advance(seconds: Self.day)
        let late = try await world.backUp()
        #expect(try await world.backups() == [early, late])
        // And such a one has made a backup there since: it knows nothing of the others' databases.
        try FileManager.default.removeItem(
            atPath: world.backup + "/database-\(early.milliseconds).sqlite")
        #expect(try await world.backups() == [late])
        let pruned = try await Backups(world.place).prune(by: .standard)
        #expect(pruned.kept.count == 1 && pruned.removed.isEmpty)
        #expect(try world.names("manifest").count == 2)
    }

    @Test func `one that was killed between its two manifests takes nothing away`() async throws {
        let world = try await BackupWorld()
        try await world.add(1)
        let early = try await world.backUp()
        let manifest = world.backup + "/manifest.json"
        let before = try Data(contentsOf: URL(fileURLWithPath: manifest))
        world.clock.advance(seconds: 60)
        let late = try await world.backUp()
        try before.write(to: URL(fileURLWithPath: manifest))
        let pruned = try await Backups(world.place).prune(by: KeepRule(parsing: "1d"))
        #expect(pruned.kept.map(\.manifest.madeAt) == [early, late])
        #expect(try await world.prove().problems.isEmpty)
    }

    @Test func `what one that was killed has left goes with the next`() async throws {
        let world = try await BackupWorld()
        let left = [
            "database-5.sqlite", "database-5.sqlite-journal", "list-5.txt", "list-5.txt.new",
            "manifest-5.json.new", "proven-5.new",
        ]
        for name in left + ["database-of-mine", "notes-5.txt"] {
            try Data([1]).write(to: URL(fileURLWithPath: world.backup + "/" + name))
        }
        let madeAt = try await world.backUp()
        let names = Set(try FileManager.default.contentsOfDirectory(atPath: world.backup))
        #expect(names.isDisjoint(with: left))
        #expect(names.isSuperset(of: ["database-of-mine", "notes-5.txt"]))
        #expect(try await world.backups() == [madeAt])
    }

    @Test func `a folder without a backup is none, and a manifest of nonsense is named`()
        async throws
    {
        let world = try await BackupWorld()
        let none = await #expect(throws: BackupError.self) {
            try await Backups(world.place).backups()
        }
        #expect(none?.code == .notABackup)
        try await world.backUp()
        try Data("{}".utf8).write(
            to: URL(fileURLWithPath: world.backup + "/manifest-17.json"))
        let bad = await #expect(throws: BackupError.self) {
            try await Backups(world.place).backups()
        }
        #expect(bad?.code == .backupDamaged && bad?.message.contains("manifest-17.json") == true)
    }
}
