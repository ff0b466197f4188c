import Media
import Records
import Rendering
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Set once, looked at from anywhere.
private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}

@Suite(.enabled(if: RealPhotos.available), .timeLimit(.minutes(5)))
struct LimitsTests {
    private func limits(memory: Int64 = 400 << 20, milliseconds: Int = 60_000) -> DecodingLimits {
        DecodingLimits(
            memoryByteCount: memory, renderMilliseconds: milliseconds, factsMilliseconds: 20_000)
    }

    @Test func `no damaged file crashes, hangs or takes too much`() async throws {
        try await Children.with { renderer in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for name in RealPhotos.names(in: ["damaged"]) {
                    group.addTask { try await self.checkDamaged(name, renderer) }
                }
                try await group.waitForAll()
            }
            // The children that met them are still good.
            let sound = try await Children.render("gps/DSCN0010.jpg", with: renderer)
            #expect(sound.thumbnail != nil)
        }
    }

    private func checkDamaged(_ name: String, _ renderer: Renderer) async throws {
        do {
            let rendered = try await Children.render(name, with: renderer)
            #expect(rendered.thumbnail != nil && rendered.preview != nil, "\(name)")
        } catch let error as RenderingError {
            #expect(error.isAboutTheFile, "\(name): \(error.message)")
            #expect(
                error.code == .damaged || error.code == .unsupported,
                "\(name): \(error.code) \(error.message)")
            #expect(error.message.hasSuffix("."), "\(error.message)")
        }
        let facts = try await renderer.facts(
            of: RealPhotos.path(name), originalName: name, fileTime: nil)
        #expect(facts.kind != .live, "\(name)")
    }

    @Test func `a picture that takes too much memory is an error of its own`() async throws {
        try await Children.with(count: 1, limits: limits(memory: 96 << 20)) { renderer in
            for name in ["heic/IMG_1034.heic", "heic/Issue 649.avif"] {
                let error = await #expect(throws: RenderingError.self) {
                    try await Children.render(name, with: renderer)
                }
                #expect(error?.code == .outOfMemory, "\(name) \(error?.message ?? "")")
            }
            let small = try await Children.render("gps/DSCN0010.jpg", with: renderer)
            #expect(small.thumbnail != nil)
        }
    }

    @Test func `a picture that takes too long is an error of its own`() async throws {
        try await Children.with(count: 1, limits: limits(milliseconds: 400)) { renderer in
            let error = await #expect(throws: RenderingError.self) {
                try await Children.render("heic/Issue 649.avif", with: renderer)
            }
            #expect(error?.code == .decoderTimedOut, "\(error?.message ?? "")")
            let small = try await Children.render("web/mspaint-10x10.gif", with: renderer)
            #expect(small.thumbnail != nil)
        }
    }

    @Test func `children that are killed at work are replaced`() async throws {
        try await Children.with(count: 1) { renderer in
            var code: RenderingError.Code?
            var killed: Set<Int32> = []
            // Where the machine is busy, the picture may be done before it comes to the killing.
            for _ in 0..<20 where code == nil {
                _ = try await Children.render("gps/DSCN0010.jpg", with: renderer)
                let isDone = Flag()
                async let outcome = Self.outcome(of: "heic/Issue 649.avif", renderer, isDone)
                while !isDone.isSet {
                    // The second one is killed too: the file was tried again in it.
                    for child in renderer.childProcessIdentifiers where killed.count < 100 {
                        kill(child, SIGKILL)
                        killed.insert(child)
                    }
                    await Task.yield()
                }
                code = await outcome
            }
            #expect(code == .decoderCrashed || code == .decoderUnavailable)
            let next = try await Children.render("gps/DSCN0010.jpg", with: renderer)
            #expect(next.preview != nil)
            #expect(!killed.contains(try #require(renderer.childProcessIdentifiers.first)))
        }
    }

    private static func outcome(
        of name: String, _ renderer: Renderer, _ isDone: Flag
    ) async -> RenderingError.Code? {
        let code = await outcome(of: name, renderer)
        isDone.set()
        return code
    }

    private static func outcome(of name: String, _ renderer: Renderer) async
        -> RenderingError.Code?
    {
        do {
            _ = try await Children.render(name, with: renderer)
            return nil
        } catch {
            return (error as? RenderingError)?.code
        }
    }

    @Test func `an idle child that died is replaced without an error`() async throws {
        try await Children.with(count: 1) { renderer in
            _ = try await Children.render("gps/DSCN0010.jpg", with: renderer)
            let first = try #require(renderer.childProcessIdentifiers.first)
            kill(first, SIGKILL)
            let again = try await Children.render("gps/DSCN0012.jpg", with: renderer)
            #expect(again.thumbnail != nil)
        }
    }

    @Test func `a renderer that is shut down leaves no child and refuses`() async throws {
        let renderer = Renderer(executable: Children.executable, childCount: 1)
        _ = try await Children.render("gps/DSCN0010.jpg", with: renderer)
        let child = try #require(renderer.childProcessIdentifiers.first)
        await renderer.shutdown()
        #expect(kill(child, 0) == -1)
        #expect(await Self.outcome(of: "gps/DSCN0010.jpg", renderer) == .shutDown)
    }

    @Test func `pipes, folders and missing files are refused at once`() async throws {
        let folder = try TemporaryFolder()
        let pipe = folder.file("pipe.jpg")
        #expect(mkfifo(pipe, 0o600) == 0)
        try await Children.with(count: 1) { renderer in
            for path in [pipe, folder.path, folder.file("missing.jpg")] {
                let error = await #expect(throws: RenderingError.self) {
                    try await renderer.render(RenderRequest(path: path, mediaType: .jpeg))
                }
                #expect(error?.code == .unreadable)
                let other = await #expect(throws: RenderingError.self) {
                    try await renderer.facts(of: path, originalName: "a.jpg", fileTime: nil)
                }
                #expect(other?.code == .unreadable)
            }
        }
    }

    @Test func `a program that isn't there is said`() async throws {
        let renderer = Renderer(executable: "/nonexistent/martlet", childCount: 1)
        #expect(await Self.outcome(of: "gps/DSCN0010.jpg", renderer) == .decoderUnavailable)
        await renderer.shutdown()
    }

    @Test func `a program that is no decoder is found out`() async throws {
        let renderer = Renderer(executable: "/bin/true", childCount: 1)
        #expect(await Self.outcome(of: "gps/DSCN0010.jpg", renderer) == .decoderUnavailable)
        await renderer.shutdown()
    }
}
