import Agent
import Records
import Status
import SyncEngine
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A device's database that cannot be used is left alone, and each cause has its code.
@Suite struct DatabaseDamageTests {
    private func code(of path: String) -> RowsError.Code? {
        do throws(RowsError) {
            _ = try DatabaseRows(path: path)
            return nil
        } catch { return error.code }
    }

    @Test func `what is no database is damaged, and stays as it is`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("device.sqlite")
        let bytes = Data(repeating: 0x41, count: 8_192)
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(code(of: path) == .damaged)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }

    @Test func `a noted damage is refused by every opener, with its cause`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("device.sqlite")
        #expect(code(of: path) == nil)
        try Data("a page is missing\n".utf8).write(to: URL(fileURLWithPath: path + ".damaged"))
        #expect(code(of: path) == .damaged)
        let error = #expect(throws: RowsError.self) { try DatabaseRows(readingFrom: path) }
        #expect(error?.cause == "a page is missing")
        let status = try DeviceDatabase(DeviceHome(path: folder.path)).observedStatus()
        #expect(status.state == .attention)
        #expect(status.reasons.map(\.code) == [.libraryDamaged])
        #expect(status.reasons.first?.message.contains("a page is missing") == true)
    }

    @Test(arguments: [[""], ["", "-wal", "-shm"]])
    func `what is deleted while it is in use is written anew as it was`(
        suffixes: [String]
    ) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("device.sqlite")
        let rows = try RowsWorld.both(in: folder).database
        for suffix in suffixes { try FileManager.default.removeItem(atPath: path + suffix) }
        let error = #expect(throws: RowsError.self) {
            try rows.transaction { () throws(RowsError) in try rows.save(FeedState()) }
        }
        #expect(error?.code == .unavailable)
        #expect(error?.cause == "its file was deleted")
        let anew = try DatabaseRows(path: path)
        #expect(try anew.look().damage.isEmpty)
        #expect(try anew.settings == RowsWorld.settings)
        try anew.transaction { () throws(RowsError) in
            try anew.save(FeedState(token: nil, isComplete: true, listing: 7))
        }
        // The old one is of no use any more, and does no harm when it is used or goes.
        #expect(throws: RowsError.self) {
            try rows.transaction { () throws(RowsError) in try rows.save(FeedState()) }
        }
        #expect(try anew.feed().listing == 7)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect(mode as? Int == 0o600)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(Set(names).isSubset(of: ["", "-wal", "-shm"].map { "device.sqlite" + $0 }))
    }

    @Test func `what is put in the place of a database in use is not touched`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("device.sqlite")
        let rows = try RowsWorld.both(in: folder).database
        try FileManager.default.removeItem(atPath: path)
        let other = Data(repeating: 0x42, count: 8_192)
        try other.write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: RowsError.self) {
            try rows.transaction { () throws(RowsError) in try rows.save(FeedState()) }
        }
        #expect(error?.code == .damaged)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == other)
    }

    @Test func `a newer version's database is refused before anything is written`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("device.sqlite")
        #expect(code(of: path) == nil)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        // The header's user_version, big-endian.
        bytes.replaceSubrange(60..<64, with: [0, 0, 3, 231])
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(code(of: path) == .newerVersion)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }
}
