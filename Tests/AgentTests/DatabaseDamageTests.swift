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
