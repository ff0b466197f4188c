import Foundation
import Kernel
import Operations
import Records
import Storage
import TestSupport
import Testing

/// Backups that the server makes by itself.
@Suite struct NightlyBackupsTests {
    private static let hour: Int64 = 3_600

    @Test func `the first comes at once, each further one at its time`() async throws {
        let world = try await BackupWorld()
        try await world.add(1)
        let nightly = world.nightly()
        #expect(try await !nightly.round(), "none is scheduled")
        try await world.schedule()
        #expect(try await nightly.round())
        #expect(try await !nightly.round())
        // It is noon: the next is due at three.
        world.clock.advance(seconds: 15 * Self.hour - 1)
        #expect(try await !nightly.round())
        world.clock.advance(seconds: 1)
        #expect(try await nightly.round())
        #expect(try await !nightly.round())
        #expect(try await world.backups().count == 2 && world.openings == 2)
        let scheduled = try #require(try await world.scheduled)
        #expect(scheduled.lastAt == world.clock.read() && scheduled.failure == nil)
        #expect(
            try await world.database.read { try LastBackup.madeAt(in: $0) }
                == world.clock.read())
    }

    @Test func `three o'clock is the machine's own`() async throws {
        let world = try await BackupWorld()
        // Noon in UTC is one in the morning here.
        let nightly = world.nightly(secondsFromUTC: 13 * Self.hour)
        try await world.schedule()
        #expect(try await nightly.round())
        world.clock.advance(seconds: 2 * Self.hour - 1)
        #expect(try await !nightly.round())
        world.clock.advance(seconds: 1)
        #expect(try await nightly.round())
    }

    @Test func `a server that was off makes one when it is on again, and only one`() async throws {
        let world = try await BackupWorld()
        try await world.schedule()
        #expect(try await world.nightly().round())
        world.clock.advance(seconds: 100 * Self.hour)
        #expect(try await world.nightly().round())
        #expect(try await !world.nightly().round())
    }

    @Test func `one that was made, and not proven when its server ended, is gone on with`()
        async throws
    {
        let world = try await BackupWorld()
        try await world.schedule()
        #expect(try await world.nightly().round())
        // As a server leaves it that is killed right behind the backup.
        let turn = world.clock.read().adding(seconds: 100)
        try await world.database.write { transaction in
            try transaction.execute("DELETE FROM backupProof")
            try transaction.execute(
                "UPDATE backupSchedule SET lease = 1, leasedUntil = ?", [SQLValue(turn)])
        }
        #expect(try await !world.nightly().round(), "another server has the turn")
        world.clock.advance(seconds: 100)
        #expect(try await world.nightly().round())
        let isProven = try await world.database.read { transaction in
            try transaction.firstRow("SELECT 1 FROM backupProof") != nil
        }
        #expect(isProven)
        #expect(try await world.backups().count == 1, "it is not made again")
        #expect(try await !world.nightly().round())
    }

    @Test func `a clock that was set back keeps none from being made`() async throws {
        let world = try await BackupWorld()
        try await world.schedule()
        world.clock.advance(seconds: 9_000 * Self.hour)
        #expect(try await world.nightly().round())
        world.clock.advance(seconds: -9_000 * Self.hour)
        #expect(try await world.nightly().round())
        #expect(try await !world.nightly().round())
        #expect(try await world.backups().count >= 1)
    }

    @Test func `a disk that is away is told of, nothing is written, and it heals by itself`()
        async throws
    {
        let world = try await BackupWorld()
        let nightly = world.nightly()
        try await world.schedule()
        #expect(try await nightly.round())
        let away = world.folder.file("away")
        try FileManager.default.moveItem(atPath: world.backup, toPath: away)
        world.clock.advance(seconds: 24 * Self.hour)
        let since = world.clock.read()
        #expect(try await nightly.round())
        #expect(!FileManager.default.fileExists(atPath: world.backup))
        #expect(try await world.findings() == ["backupFailing"])
        // An empty folder where it is mounted is not it either.
        try FileManager.default.createDirectory(
            atPath: world.backup, withIntermediateDirectories: false)
        world.clock.advance(seconds: Self.hour - 1)
        #expect(try await !nightly.round())
        world.clock.advance(seconds: 1)
        #expect(try await nightly.round())
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.backup).isEmpty)
        let failure = try #require(try await world.scheduled?.failure)
        #expect(failure.since == since && failure.cause.contains("no backup in it any more"))

        try FileManager.default.removeItem(atPath: world.backup)
        try FileManager.default.moveItem(atPath: away, toPath: world.backup)
        world.clock.advance(seconds: Self.hour)
        #expect(try await nightly.round())
        #expect(try await world.scheduled?.failure == nil)
        #expect(try await world.findings() == [])
        #expect(try await world.backups().count == 2)
    }

    @Test func `another that writes there is waited for`() async throws {
        let world = try await BackupWorld()
        try await world.schedule()
        world.occupyFolder(true)
        #expect(try await world.nightly().round())
        #expect(try await world.scheduled?.failure?.cause.contains("let it end") == true)
        world.occupyFolder(false)
        world.clock.advance(seconds: Self.hour)
        #expect(try await world.nightly().round())
        #expect(try await world.scheduled?.failure == nil)
    }

    @Test func `of several servers one makes it`() async throws {
        let world = try await BackupWorld()
        try await world.schedule()
        let other = world.nightly()
        // The other looks while the first is at work.
        let first = world.nightly(opened: {
            let isMadeTwice = try await other.round()
            #expect(!isMadeTwice)
        })
        #expect(try await first.round())
        #expect(world.openings == 1)
        #expect(try await !other.round())
    }

    @Test func `one whose server died is made by another`() async throws {
        let world = try await BackupWorld()
        try await world.schedule()
        try await world.database.write { transaction in
            _ = try transaction.execute(
                "UPDATE backupSchedule SET lease = 7, leasedUntil = ?",
                [SQLValue(world.clock.read().adding(seconds: 180))])
        }
        #expect(try await !world.nightly().round())
        world.clock.advance(seconds: 180)
        #expect(try await world.nightly().round())
    }

    @Test func `a server that stops in the middle leaves it to the next`() async throws {
        let world = try await BackupWorld()
        for number in 0..<20 { try await world.add(UInt8(number)) }
        try await world.schedule()
        let stopping = world.nightly(opened: { throw CancellationError() })
        await #expect(throws: CancellationError.self) { try await stopping.round() }
        #expect(try await world.scheduled?.failure == nil)
        #expect(try await world.nightly().round())
        #expect(try await world.prove().problems.isEmpty)
    }

    @Test func `the newest is proven each week, and a bad one each night until it is good`()
        async throws
    {
        let world = try await BackupWorld()
        let digest = try await world.add(1)
        try await world.schedule()
        let nightly = world.nightly()
        var proofs: [Timestamp] = []
        func night() async throws {
            #expect(try await nightly.round())
            let proof = try await world.database.read { try LastProof.read(in: $0) }
            if let proof, proof.provenAt != proofs.last { proofs.append(proof.provenAt) }
            world.clock.advance(seconds: 24 * Self.hour)
        }
        for _ in 0..<15 { try await night() }
        #expect(proofs.count == 3, "the first night, and each seventh")
        // The backup's disk damages an object: its size is what it was.
        let path = "\(world.backup)/objects/\(digest.text.prefix(2))/\(digest.text)"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[7] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        for _ in 0..<9 { try await night() }
        #expect(try await world.findings().contains("backupProofFailed"))
        #expect(proofs.count == 6, "the next week's, and those of the two nights after it")
        try FileManager.default.removeItem(atPath: path)
        try await night()
        #expect(try await world.findings() == [])
    }

    @Test func `a hundred nights keep what the rule says, and what those name`()
        async throws
    {
        let world = try await BackupWorld()
        try await world.schedule(at: 180, "3d2w2m")
        let nightly = world.nightly()
        var previous = try await world.add(0)
        for number in 1..<100 {
            let next = try await world.add(UInt8(number))
            // What was there for one night alone is in one backup alone.
            #expect(try await nightly.round())
            try await world.remove(previous)
            previous = next
            world.clock.advance(seconds: 24 * Self.hour)
        }
        let kept = try await Backups(world.place).backups()
        #expect((4...6).contains(kept.count))
        #expect(try world.names("database-").count == kept.count)
        let named = kept.reduce(0) { $0 + $1.manifest.objectCount }
        #expect((kept.count...named).contains(try world.objects().count))
        for backup in kept {
            #expect(try await world.prove(backup.manifest.madeAt).problems.isEmpty)
        }
    }

    @Test func `what keeps it from pruning does not make it back up again`() async throws {
        let world = try await BackupWorld()
        try await world.schedule()
        #expect(try await world.nightly().round())
        world.clock.advance(seconds: 24 * Self.hour)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: world.backup + "/manifest-17.json"))
        #expect(try await world.nightly().round())
        #expect(try await world.findings() == ["backupFailing"])
        world.clock.advance(seconds: Self.hour)
        #expect(try await world.nightly().round())
        #expect(world.openings == 2)
        try FileManager.default.removeItem(atPath: world.backup + "/manifest-17.json")
        world.clock.advance(seconds: Self.hour)
        #expect(try await world.nightly().round())
        #expect(try await world.scheduled?.failure == nil)
        #expect(world.openings == 2)
    }

    @Test func `scheduled again it begins at once, and off it ends`() async throws {
        let world = try await BackupWorld()
        try await world.schedule()
        #expect(try await world.nightly().round())
        try await world.schedule(at: 300, "2d")
        let after = try #require(try await world.scheduled)
        #expect(after.lastAt == nil && after.timeOfDay == "05:00" && after.rule.text == "2d")
        #expect(try await world.nightly().round())
        let other = BackupSchedule(
            folder: world.folder.file("other"), minute: 0, rule: .standard, allowsSameDisk: true)
        try await world.database.write { try other.save(in: $0) }
        #expect(try await world.scheduled == other)
        try await world.database.write { try BackupSchedule.remove(in: $0) }
        #expect(try await !world.nightly().round())
    }
}
