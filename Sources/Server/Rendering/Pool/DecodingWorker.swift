import Media
import Records
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// One decoding child and its replacements, used by one request at a time.
///
/// All calls block.
final class DecodingWorker: Sendable {
    private struct State {
        var child: ChildProcess?
        var answered = 0
        /// Where this worker's children, one after the other, have their temporary files.
        var folder: String?
    }

    private let executable: String
    private let limits: DecodingLimits
    private let state = Mutex(State())
    /// The child that runs now, so that it can be ended from outside; 0 for none.
    private let identifier = Atomic<Int32>(0)
    private let isShutDown = Atomic<Bool>(false)

    init(executable: String, limits: DecodingLimits) {
        self.executable = executable
        self.limits = limits
    }

    var processIdentifier: Int32? {
        let number = identifier.load(ordering: .sequentiallyConsistent)
        return number > 0 ? number : nil
    }

    /// Asks the child; one that fails is ended and replaced.
    ///
    /// A child that had answered before and then crashes or runs out of memory may carry the traces
    /// of another file, so that this file is tried once more in a new one.
    func answer(_ request: DecodingFrame.Request) throws(RenderingError) -> DecodingFrame.Answer {
        let attempt = { () throws(RenderingError) -> (DecodingFrame.Answer, wasUsed: Bool) in
            try self.state.withLock { state throws(RenderingError) in
                try self.ask(request, &state)
            }
        }
        let (answer, wasUsed) = try attempt()
        if wasUsed, case .failed(let code, _) = answer,
            code == .decoderCrashed || code == .outOfMemory
        {
            end()
            return try attempt().0
        }
        return answer
    }

    /// Ends the child, if there is one and it is idle.
    func end() {
        state.withLock { state in
            _ = discard(&state)
            if let folder = state.folder { try? FileManager.default.removeItem(atPath: folder) }
            state.folder = nil
        }
    }

    private func ask(_ request: DecodingFrame.Request, _ state: inout State)
        throws(RenderingError) -> (DecodingFrame.Answer, wasUsed: Bool)
    {
        if isShutDown.load(ordering: .relaxed) {
            throw RenderingError(.shutDown, "The server is stopping; the file's turn comes again.")
        }
        if state.answered >= Limits.requestsPerDecodingChildMax { discard(&state) }
        let child = try started(&state)
        let wasUsed = state.answered > 0
        let deadline = ChildProcess.deadline(milliseconds: milliseconds(for: request))
        do {
            try child.send(DecodingFrame.encode(request), by: deadline)
            let head = try child.receive(count: 4, by: deadline)
            let count = head.reduce(0) { $0 << 8 | Int($1) }
            guard count <= Limits.decodingFrameByteCountMax else {
                throw ChildProcess.Failure.ended
            }
            let body = try child.receive(count: count, by: deadline)
            let answer = try DecodingFrame.decodeAnswer(body)
            state.answered += 1
            return (answer, wasUsed)
        } catch let failure as ChildProcess.Failure {
            return (lost(failure, child, &state), wasUsed)
        } catch {
            return (lost(.ended, child, &state), wasUsed)
        }
    }

    private func milliseconds(for request: DecodingFrame.Request) -> Int {
        switch request {
        case .render: limits.renderMilliseconds
        // The child has its own time for ExifTool and says so itself.
        case .facts: limits.factsMilliseconds + 2_000
        }
    }

    /// What a child's end means, and its replacement at the next request.
    private func lost(_ failure: ChildProcess.Failure, _ child: ChildProcess, _ state: inout State)
        -> DecodingFrame.Answer
    {
        let messages = child.takeMessages()
        let signal = discard(&state)
        // SIGXCPU and SIGALRM are the child's own limits of time.
        if failure == .timedOut || signal == 24 || signal == 14 {
            return .failed(
                .decoderTimedOut,
                "Decoding this file took too long; the original is kept, without a picture.")
        }
        let memoryWords = [
            "out of memory", "failed to allocate", "bad_alloc", "Cannot allocate memory",
            "cannot allocate memory", "Error creating thread",
        ]
        if memoryWords.contains(where: messages.contains) {
            return .failed(
                .outOfMemory,
                "Decoding this file takes more memory than is allowed; the original is kept, "
                    + "without a picture.")
        }
        return .failed(
            .decoderCrashed,
            "The decoder crashed over this file\(signal > 0 ? " (signal \(signal))" : ""); the "
                + "original is kept, without a picture.")
    }

    private func started(_ state: inout State) throws(RenderingError) -> ChildProcess {
        if let child = state.child { return child }
        let folder: String
        if let made = state.folder { folder = made } else { folder = try Self.makeFolder() }
        state.folder = folder
        let child = try ChildProcess(
            executable,
            [
                DecodingChild.command, "\(limits.memoryByteCount)", "\(limits.renderMilliseconds)",
                "\(limits.factsMilliseconds)", folder,
            ], keepsMessages: true, hasOwnGroup: true)
        (state.child, state.answered) = (child, 0)
        identifier.store(child.identifier, ordering: .sequentiallyConsistent)
        // A stop that came just before has seen no child.
        if isShutDown.load(ordering: .sequentiallyConsistent) { shutDown() }
        let deadline = ChildProcess.deadline(milliseconds: Limits.decoderStartSecondsMax * 1000)
        do {
            let greeting = try child.receive(count: DecodingFrame.ready.count, by: deadline)
            guard greeting == DecodingFrame.ready else { throw ChildProcess.Failure.ended }
            return child
        } catch {
            let messages = child.takeMessages().prefix { $0 != "\n" }
            discard(&state)
            throw RenderingError(
                .decoderUnavailable,
                "A decoding child (\(executable)) can't be set up\(messages.isEmpty ? "" : ": ")"
                    + "\(messages.prefix(200)); see that memory and processes are free, and that "
                    + "script/bootstrap has run.")
        }
    }

    @discardableResult
    private func discard(_ state: inout State) -> Int32 {
        identifier.store(0, ordering: .relaxed)
        let signal = state.child?.end() ?? 0
        (state.child, state.answered) = (nil, 0)
        return signal
    }

    private static func makeFolder() throws(RenderingError) -> String {
        let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(place)/martlet-decode-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw RenderingError(
                .decoderUnavailable,
                "No temporary folder can be made in \(place); free some space there.")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension DecodingWorker {
    /// Ends the child at once, also while it is at work, and starts no other: that work ends with an
    /// error.
    func shutDown() {
        isShutDown.store(true, ordering: .sequentiallyConsistent)
        if let processIdentifier { kill(-processIdentifier, SIGKILL) }
    }
}
