import Storage
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct AppendFileTests {
    @Test func `lines stay in order and a line that was cut off is left out`() throws {
        let folder = try TemporaryFolder()
        let file = AppendFile(path: folder.file("revoked"))
        #expect(try file.lines().isEmpty)
        try file.append("one")
        try file.append("two")
        #expect(try file.lines() == ["one", "two"])
        let handle = try #require(FileManager.default.contents(atPath: folder.file("revoked")))
        try (handle + Data("thr".utf8)).write(to: URL(fileURLWithPath: folder.file("revoked")))
        #expect(try file.lines() == ["one", "two"])
        try file.append("four")
        #expect(try file.lines() == ["one", "two", "thr (cut off)", "four"])
    }
}
