import Foundation
import Operations
import Records
import Storage
import TestSupport
import Testing

/// When the manifest is written, and what it survives.
@Suite struct ManifestTests {
    @Test func `it is written once a day, and anew for another server`() async throws {
        let world = try await RecoveryWorld()
        let writer = world.writer()
        #expect(try await writer.writeIfDue())
        #expect(try await !writer.writeIfDue())
        // 2026-09-21T14:13:20Z: the next day begins 35,200 s later.
        world.clock.advance(seconds: 35_199)
        #expect(try await !writer.writeIfDue())
        world.clock.advance(seconds: 1)
        #expect(try await writer.writeIfDue())
        // A clock that was put back.
        world.clock.advance(seconds: -86_400)
        #expect(try await writer.writeIfDue())
        let other = try await RecoveryWorld()
        try? FileManager.default.removeItem(atPath: other.manifest)
        try await other.database.write { transaction in
            _ = try transaction.execute(
                "UPDATE server SET id = ?", [.blob([UInt8](repeating: 7, count: 16))])
        }
        try FileManager.default.copyItem(atPath: world.manifest, toPath: other.manifest)
        other.clock.advance(seconds: 35_200 - 86_400)
        #expect(try await other.writer().writeIfDue())
        // One that cannot be read is written anew at once.
        try other.write([1, 2, 3], to: other.manifest)
        #expect(try await other.writer().writeIfDue())
    }

    @Test func `a record that cannot be read costs its own files only`() async throws {
        let world = try await RecoveryWorld()
        let anna = try await world.account("anna")
        for number in 0..<5 as Range<UInt8> {
            try await world.add(Array("\(number).jpg".utf8), [number], to: anna)
        }
        try await world.database.write { transaction in
            _ = try transaction.execute(
                """
                UPDATE record SET fields = '{' WHERE id =
                    (SELECT id FROM record WHERE type = 'asset' ORDER BY id LIMIT 1)
                """)
        }
        let header = try await world.writer().write()
        #expect(header.files == 4 && header.unreadable == 1)
        #expect(try world.recover().names == .whole)
    }

    @Test func `more assets than a page has are all named, each once`() async throws {
        let world = try await RecoveryWorld()
        let anna = try await world.account("anna")
        // A page has 500.
        for number in 0..<501 {
            try await world.add(
                Array("\(number).jpg".utf8), [UInt8(number >> 8), UInt8(number & 255)], to: anna)
        }
        #expect(try await world.writer().write().files == 501)
        #expect(try world.recover().copiedCount == 501)
        #expect(Set(try world.recovered().values).count == 501)
    }

    @Test func `a file that replaces another leaves it alone until it is whole`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a")
        try Data("old".utf8).write(to: URL(fileURLWithPath: path))
        let now = TestTime.now
        let given = try await ReplacingFile.create(path, randomNumber: 1, now: now)
        try await given.append(Array("new".utf8))
        await given.discard()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        // One that a crash left goes when it is a day old, and not before.
        let left = try await ReplacingFile.create(path, randomNumber: 2, now: now)
        try await left.append(Array("left".utf8))
        func names() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        }
        let young = try await ReplacingFile.create(
            path, randomNumber: 3, now: now.adding(seconds: 86_000))
        #expect(try names().count == 3)
        await young.discard()
        let late = try await ReplacingFile.create(
            path, randomNumber: 4, now: now.adding(seconds: 86_500))
        #expect(try names().count == 2)
        try await late.append(Array("bbb later".utf8))
        try await late.replaceBeginning(Array("aaa".utf8))
        try await late.settle()
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "aaa later")
        #expect(try names() == ["a"])
        withExtendedLifetime(left) {}
    }

    @Test func `lines come one by one, and what is too long comes in pieces`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lines")
        let long = String(repeating: "x", count: 3 << 20)
        try Data("one\n\n\(long)\nlast".utf8).write(to: URL(fileURLWithPath: path))
        var lines = try FileLines(path, byteCountMax: 2 << 20)
        var counts: [Int] = []
        while let line = try lines.next() { counts.append(line.count) }
        #expect(counts == [4, 1, 2 << 20, (1 << 20) + 1, 4])
        // Just as many bytes as it may have, and one more.
        try Data("abcd\nabcde\n".utf8).write(to: URL(fileURLWithPath: path))
        var short = try FileLines(path, byteCountMax: 5)
        #expect(try short.next() == Array("abcd\n".utf8))
        #expect(try short.next() == Array("abcde".utf8))
        #expect(try short.next() == Array("\n".utf8))
        #expect(try short.next() == nil)
    }
}
