import Media
import Rendering
import TestSupport
import Testing

#if os(Linux)
import FoundationEssentials
import Glibc

@Suite(.enabled(if: RealPhotos.available), .timeLimit(.minutes(2)))
struct SystemTests {
    @Test func `a child ends with its renderer, and ExifTool and temporary files with it`()
        async throws
    {
        let renderer = Renderer(executable: Children.executable, childCount: 1)
        _ = try await renderer.facts(
            of: RealPhotos.path("heic/Issue 487.heic"), originalName: "a.heic", fileTime: nil)
        let child = try #require(renderer.childProcessIdentifiers.first)
        let tools = try children(of: child)
        #expect(tools.count == 1)
        let arguments = try contents("/proc/\(child)/cmdline").split(separator: "\0")
        let folder = String(try #require(arguments.last))
        #expect(FileManager.default.fileExists(atPath: folder))
        await renderer.shutdown()
        for tool in tools { #expect(await isGone(tool)) }
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test func `a child has none of its server's files and none of its environment`()
        async throws
    {
        setenv("MARTLET_TEST_SECRET", "secret", 1)
        let folder = try TemporaryFolder()
        let secret = folder.file("secret")
        try [UInt8]("secret".utf8).write(to: secret)
        let file = open(secret, O_RDONLY)
        defer { close(file) }
        try await Children.with(count: 1) { renderer in
            _ = try await Children.render("gps/DSCN0010.jpg", with: renderer)
            let child = try #require(renderer.childProcessIdentifiers.first)
            let environment = try contents("/proc/\(child)/environ")
            #expect(!environment.contains("MARTLET_TEST_SECRET"))
            for number in 0..<64 {
                var target = [CChar](repeating: 0, count: 512)
                let count = readlink("/proc/\(child)/fd/\(number)", &target, 511)
                let bytes = target.prefix(max(0, count)).map { UInt8(bitPattern: $0) }
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(text != secret)
            }
            #expect(try contents("/proc/\(child)/limits").contains("Max core file size        0"))
        }
    }

    private func contents(_ path: String) throws -> String {
        let file = open(path, O_RDONLY)
        try #require(file >= 0)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    private func children(of process: Int32) throws -> [Int32] {
        try contents("/proc/\(process)/task/\(process)/children")
            .split(separator: " ").compactMap { Int32($0) }
    }

    private func isGone(_ process: Int32) async -> Bool {
        for _ in 0..<1_000 {
            if kill(process, 0) != 0 { return true }
            if let state = try? contents("/proc/\(process)/stat"), state.contains(") Z ") {
                return true
            }
            usleep(2_000)
        }
        return false
    }
}
#endif
