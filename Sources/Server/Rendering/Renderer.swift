import CMartletVips
package import Media
package import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes thumbnails and previews and reads facts, in child processes with limits on memory and time.
///
/// - One child per core, each this same program started again; a child that crashes, takes too much
///   or too long is ended and replaced, its request throws, and the others go on.
/// - Nothing here blocks Swift's cooperative threads.
/// - Any number of requests may be made at once: they wait in order for a child.
package final class Renderer: Sendable {
    private let pool: WorkerPool

    /// Takes the program to start as a child; its `main` must begin with `DecodingChild.run()` for
    /// the first argument `DecodingChild.command`.
    ///
    /// Children are started when they are needed.
    package init(
        executable: String = Renderer.ownExecutable, childCount: Int = Renderer.coreCount,
        limits: DecodingLimits = .standard
    ) {
        pool = WorkerPool(
            workers: (0..<max(1, childCount)).map { _ in
                DecodingWorker(executable: executable, limits: limits)
            })
    }

    /// This program, as the system knows it: the same file, even when a new version lies in its
    /// place.
    package static var ownExecutable: String {
        #if os(Linux)
        "/proc/self/exe"
        #else
        CommandLine.arguments.first ?? "martlet"
        #endif
    }

    package static var coreCount: Int { ProcessInfo.processInfo.activeProcessorCount }

    /// Makes the pictures that are asked for.
    ///
    /// - Throws: an error about this one file (`isAboutTheFile`), or one to try again after.
    package func render(_ request: RenderRequest) async throws(RenderingError) -> Rendered {
        let answer = try await pool.run { (worker) throws(RenderingError) in
            // Looked at here, so that a pipe or device can't keep a child waiting.
            do { _ = try FileSource(path: request.path) } catch { throw Self.unreadable(error) }
            return try worker.answer(.render(request))
        }
        switch answer {
        case .rendered(let rendered): return rendered
        case .failed(let code, let message): throw RenderingError(code, message)
        case .facts: throw Self.mixedUp
        }
    }

    /// Reads the facts of a photo or video, as the full reader (`Facts.fullReader`).
    ///
    /// Martlet's own reader alone is asked where it understands the whole format (JPEG); ExifTool,
    /// and what it doesn't know, for all else. A file that neither can read has facts all the same,
    /// with `damaged` set.
    ///
    /// - Parameters:
    ///   - sidecar: the XMP file beside it.
    ///   - originalName: the name that the file had on its device: it may hold a date.
    ///   - fileTime: when it was last changed on its device.
    package func facts(
        of path: String, sidecar: String? = nil, originalName: String, fileTime: Timestamp?
    ) async throws(RenderingError) -> Facts {
        let (quick, packet) = try await pool.onThread { () throws(RenderingError) in
            try Self.observeQuickly(path, sidecar: sidecar, name: originalName)
        }
        guard let quick else {
            throw RenderingError(
                .unsupported, "“\(originalName.prefix(80))” is no photo and no video.")
        }
        var observed = quick
        if !quick.isComplete {
            let answer = try await pool.run { (worker) throws(RenderingError) in
                try worker.answer(
                    .facts(path: path, fileExtension: Self.fileExtension(quick.mediaType)))
            }
            observed = try Self.merge(quick, with: answer)
        }
        if let packet { XMPReader.read(packet, isSidecar: true, into: &observed) }
        return Facts(observed, name: originalName, fileTime: fileTime)
    }

    /// The facts that ExifTool alone finds: what Martlet's own reader is measured by.
    package func exifToolFacts(of path: String, originalName: String)
        async throws(RenderingError) -> Facts
    {
        let type = MediaContent.classify(name: originalName, head: []).mediaType ?? .jpeg
        let answer = try await pool.run { (worker) throws(RenderingError) in
            try worker.answer(.facts(path: path, fileExtension: type.fileExtension))
        }
        guard case .facts(let json) = answer else {
            throw RenderingError(.decoderCrashed, "ExifTool can't read this file.")
        }
        let observed = try ExifToolAnswer(json: json).observations(mediaType: type)
        return Facts(observed, name: originalName, fileTime: nil)
    }

    /// Ends all children, without waiting for it.
    ///
    /// Requests under way and waiting throw; later ones too.
    package func interrupt() { pool.interrupt() }

    /// Ends all children as `interrupt` does, and waits until nothing of them is left.
    package func shutdown() async {
        await pool.shutDown()
    }

    /// The children that run now, for a look from outside.
    package var childProcessIdentifiers: [Int32] {
        pool.workers.compactMap(\.processIdentifier)
    }

    private static func observeQuickly(_ path: String, sidecar: String?, name: String)
        throws(RenderingError) -> (Observations?, packet: [UInt8]?)
    {
        do {
            let observed = try QuickFacts.observe(try FileSource(path: path), name: name)
            var packet: [UInt8]?
            if let sidecar {
                packet = try FileSource(path: sidecar)
                    .read(at: 0, count: Limits.sidecarByteCountMax)
            }
            return (observed, packet)
        } catch {
            throw unreadable(error)
        }
    }

    /// ExifTool knows more tags, Martlet's reader which of a file's pictures is the one shown.
    ///
    /// Its failing over a file leaves what Martlet's reader knows.
    private static func merge(_ quick: Observations, with answer: DecodingFrame.Answer)
        throws(RenderingError) -> Observations
    {
        switch answer {
        case .facts(let json):
            guard let full = try? ExifToolAnswer(json: json) else { return quick }
            var observed = full.observations(mediaType: quick.mediaType)
            if quick.width != nil {
                (observed.width, observed.height) = (quick.width, quick.height)
                observed.orientation = quick.orientation
            }
            observed.fill(from: quick)
            return observed
        case .failed(let code, let message):
            let error = RenderingError(code, message)
            if error.isAboutTheFile { return quick }
            throw error
        case .rendered: throw mixedUp
        }
    }

    private static func fileExtension(_ type: MediaType) -> String { type.fileExtension }

    private static func unreadable(_ error: any Error) -> RenderingError {
        RenderingError(
            .unreadable, (error as? MediaError)?.message ?? "The file can't be read.", cause: error)
    }

    private static var mixedUp: RenderingError {
        RenderingError(.decoderCrashed, "The decoder answered another question; it is replaced.")
    }
}

extension DecodingLimits {
    /// `Limits` of media.
    package static var standard: Self {
        Self(
            memoryByteCount: Limits.decodeMemoryByteCountMax,
            renderMilliseconds: Limits.decodeSecondsMax * 1000,
            factsMilliseconds: Limits.factsSecondsMax * 1000)
    }
}
