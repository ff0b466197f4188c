import Media
import Records
import Rendering
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The renderer that tests use: its children are the `martlet` that was built beside these tests.
enum Children {
    /// MARTLET_EXECUTABLE, else beside the test bundle, else in the release folder.
    static var executable: String {
        if let path = ProcessInfo.processInfo.environment["MARTLET_EXECUTABLE"] { return path }
        let bundle = CommandLine.arguments.first ?? ""
        let beside =
            bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            .joined(separator: "/") + "/martlet"
        if FileManager.default.isExecutableFile(atPath: beside) { return beside }
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return root.path + "/.build/release/martlet"
    }

    /// Runs `body` with a renderer that is shut down after it.
    static func with<Answer>(
        count: Int = 2, limits: DecodingLimits = .standard,
        _ body: (Renderer) async throws -> Answer
    ) async throws -> Answer {
        let renderer = Renderer(executable: executable, childCount: count, limits: limits)
        do {
            let answer = try await body(renderer)
            await renderer.shutdown()
            return answer
        } catch {
            await renderer.shutdown()
            throw error
        }
    }

    /// The type that a real photo is.
    static func mediaType(_ name: String) throws -> MediaType? {
        let head = try FileSource(path: RealPhotos.path(name))
            .read(at: 0, count: MediaContent.headByteCount)
        let content = MediaContent.classify(name: name, head: head)
        return content.isMedia ? content.mediaType : nil
    }

    static func render(_ name: String, with renderer: Renderer, sizes: PictureSizes = .all)
        async throws -> Rendered
    {
        let type = try #require(try mediaType(name))
        return try await renderer.render(
            RenderRequest(path: RealPhotos.path(name), mediaType: type, sizes: sizes))
    }

    /// Width and height of a WebP.
    static func size(_ webP: [UInt8]?) throws -> (width: Int, height: Int) {
        let facts = try QuickFacts.read(
            MemorySource(try #require(webP)), name: "a.webp", fileTime: nil)
        return (try #require(facts?.width), try #require(facts?.height))
    }
}
