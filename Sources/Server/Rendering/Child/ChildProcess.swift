import CMartletVips

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A child process that is spoken with over one socket (its standard input and output), each call
/// with a time by which it must be done.
///
/// All calls block: never on Swift's cooperative threads.
struct ChildProcess: Sendable {
    let identifier: Int32
    private let socket: Int32
    /// The child's messages, read without waiting; -1 when they are thrown away.
    private let messages: Int32
    private let hasOwnGroup: Bool

    enum Failure: Error {
        case timedOut
        /// The child ended or closed its side.
        case ended
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - keepsMessages: collects the end of what it writes to its standard error.
    ///   - hasOwnGroup: its own children end with it.
    ///   - endsWithParent: it ends when the thread that starts it does (only from a main thread).
    init(
        _ program: String, _ arguments: [String], keepsMessages: Bool = false,
        hasOwnGroup: Bool = false, endsWithParent: Bool = false
    ) throws(RenderingError) {
        var pair: [Int32] = [-1, -1]
        var pipe: [Int32] = [-1, -1]
        guard martlet_socket_pair(&pair) == 0 else { throw Self.unavailable(program) }
        if keepsMessages, martlet_message_pipe(&pipe) != 0 {
            close(pair[0])
            close(pair[1])
            throw Self.unavailable(program)
        }
        let process = Self.start(
            program, arguments, socket: pair[1], messages: pipe[1], newGroup: hasOwnGroup,
            endsWithParent: endsWithParent)
        let failure = errno
        close(pair[1])
        if pipe[1] >= 0 { close(pipe[1]) }
        guard process > 0 else {
            close(pair[0])
            if pipe[0] >= 0 { close(pipe[0]) }
            errno = failure
            throw Self.unavailable(program)
        }
        identifier = process
        socket = pair[0]
        messages = pipe[0]
        self.hasOwnGroup = hasOwnGroup
    }

    private static func start(
        _ program: String, _ arguments: [String], socket: Int32, messages: Int32, newGroup: Bool,
        endsWithParent: Bool
    ) -> Int32 {
        var argumentPointers = ([program] + arguments).map { strdup($0) } + [nil]
        var environmentPointers = environment.map { strdup($0) } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        return martlet_start(
            program, &argumentPointers, &environmentPointers, socket, socket, messages,
            newGroup ? 1 : 0, endsWithParent ? 1 : 0)
    }

    /// Nothing of the server's own environment but where programs and temporary files are: it may
    /// hold secrets.
    private static var environment: [String] {
        var entries = ["LC_ALL=C.UTF-8", "HOME=/nonexistent", "SWIFT_BACKTRACE=enable=no"]
        let kept: [String] = ["PATH", "TMPDIR", "PERL5LIB", "LD_LIBRARY_PATH"]
        for name in kept {
            if let value = getenv(name) { entries.append("\(name)=\(String(cString: value))") }
        }
        return entries
    }

    private static func unavailable(_ program: String) -> RenderingError {
        RenderingError(
            .decoderUnavailable,
            "\(program) can't be started (\(String(cString: strerror(errno)))); install it "
                + "(script/bootstrap does) or free some memory and processes.")
    }

    func send(_ bytes: [UInt8], by deadline: Int64) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let sent = bytes.withUnsafeBytes {
                martlet_send(
                    socket, $0.baseAddress.map { $0 + done }, bytes.count - done,
                    Self.milliseconds(until: deadline))
            }
            if sent < 0 { throw .ended }
            done += sent
            if sent == 0, Self.milliseconds(until: deadline) == 0 { throw .timedOut }
        }
    }

    /// Says that nothing more will be sent.
    func finishSending() { _ = shutdown(socket, Int32(SHUT_WR)) }

    /// Exactly `count` bytes.
    func receive(count: Int, by deadline: Int64) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let piece = try receiveSome(atMost: count - bytes.count, by: deadline)
            guard !piece.isEmpty else { throw .ended }
            bytes += piece
        }
        return bytes
    }

    /// The next bytes, at least one; none at the end.
    func receiveSome(atMost count: Int, by deadline: Int64) throws(Failure) -> [UInt8] {
        while true {
            var got = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: min(count, 256 << 10)) {
                buffer, size in
                got = martlet_receive(
                    socket, buffer.baseAddress, buffer.count, Self.milliseconds(until: deadline))
                size = max(got, 0)
            }
            if got >= 0 { return bytes }
            if got == -1 { throw .ended }
            if Self.milliseconds(until: deadline) == 0 { throw .timedOut }
        }
    }

    /// What the child has said since the last call: the first and the last 4 KiB of it.
    func takeMessages() -> String {
        guard messages >= 0 else { return "" }
        var text: [UInt8] = []
        while true {
            var got = 0
            let piece = [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, size in
                got = read(messages, buffer.baseAddress, buffer.count)
                size = max(got, 0)
            }
            guard got > 0 else { break }
            text += piece
            if text.count > 8_192 { text = text.prefix(4_096) + text.suffix(4_096) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Ends the child, and its group if it has one, at once.
    ///
    /// Returns the signal that ended it, 0 for none: one other than SIGKILL was its own doing.
    @discardableResult
    func end() -> Int32 {
        let status = martlet_end(identifier, hasOwnGroup ? 1 : 0)
        close(socket)
        if messages >= 0 { close(messages) }
        return martlet_ending_signal(status)
    }

    /// The moment so far ahead, on the clock that the other calls take.
    static func deadline(milliseconds: Int) -> Int64 {
        martlet_monotonic_milliseconds() + Int64(milliseconds)
    }

    static func milliseconds(until deadline: Int64) -> Int32 {
        Int32(clamping: max(0, deadline - martlet_monotonic_milliseconds()))
    }
}
