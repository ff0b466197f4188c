import CMartletVips
import Media
import Records

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The program inside a decoding child: `martlet decode`, started by the server only.
///
/// It has no secrets and little memory, answers one request after the other, and ends when the
/// server does (its input ends) or when a file takes it too far.
package enum DecodingChild {
    /// The hidden first argument.
    package static let command = "decode"

    /// Answers requests until there are no more; never returns.
    ///
    /// The arguments behind `decode` are the limits (bytes of memory, milliseconds of a picture,
    /// milliseconds of facts) and an empty folder for temporary files.
    package static func run() -> Never {
        let numbers = CommandLine.arguments.dropFirst(2).prefix(3).compactMap { Int64($0) }
        guard numbers.count == 3, let memory = numbers.first, CommandLine.arguments.count == 6,
            let folder = CommandLine.arguments.last
        else {
            complain("martlet decode is started by martlet serve, not by hand.")
            exit(64)
        }
        let output = martlet_take_output()
        guard output >= 0, martlet_limit_memory(memory) == 0,
            martlet_pictures_start(CommandLine.arguments.first ?? "martlet") == 0
        else {
            complain("The decoder can't be set up: \(String(cString: martlet_pictures_message())).")
            exit(70)
        }
        // What people wait for (uploads, pages) comes first; ExifTool and FFmpeg inherit this.
        _ = nice(10)
        var child = Loop(
            output: output, memoryByteCount: memory, renderMilliseconds: Int(clamping: numbers[1]),
            factsMilliseconds: Int(clamping: numbers[2]),
            session: ExifToolSession(folder: folder))
        child.run()
        exit(0)
    }

    private static func complain(_ text: String) {
        let line = Array((text + "\n").utf8)
        _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }

    private struct Loop {
        let output: Int32
        let memoryByteCount: Int64
        let renderMilliseconds: Int
        let factsMilliseconds: Int
        var session: ExifToolSession

        mutating func run() {
            // An empty frame says that all is set up: the time of the first file begins here.
            guard writeAll(DecodingFrame.ready) else { return }
            while let body = readFrame() {
                guard let request = try? DecodingFrame.decodeRequest(body) else { break }
                martlet_limit_seconds(Int32(clamping: milliseconds(for: request) / 1000 + 1))
                let frame = DecodingFrame.encode(answer(request))
                alarm(0)
                guard writeAll(frame) else { break }
            }
            session.end()
        }

        private func milliseconds(for request: DecodingFrame.Request) -> Int {
            switch request {
            case .render: renderMilliseconds
            case .facts: factsMilliseconds
            }
        }

        private mutating func answer(_ request: DecodingFrame.Request) -> DecodingFrame.Answer {
            do throws(RenderingError) {
                switch request {
                case .render(let render):
                    let deadline = ChildProcess.deadline(milliseconds: renderMilliseconds)
                    let decoder = Decoder(
                        request: render, deadline: deadline, memoryByteCountMax: memoryByteCount)
                    return .rendered(try decoder.render())
                case .facts(let path, let fileExtension):
                    return .facts(
                        try session.read(
                            path, fileExtension: fileExtension, milliseconds: factsMilliseconds))
                }
            } catch {
                return .failed(error.code, error.message)
            }
        }

        /// The next request; `nil` when there are no more.
        private func readFrame() -> [UInt8]? {
            guard let head = readExactly(4) else { return nil }
            let count = head.reduce(0) { $0 << 8 | Int($1) }
            guard count <= Limits.decodingFrameByteCountMax else { return nil }
            return readExactly(count)
        }

        private func readExactly(_ count: Int) -> [UInt8]? {
            var bytes: [UInt8] = []
            while bytes.count < count {
                var got = 0
                let piece = [UInt8](unsafeUninitializedCapacity: count - bytes.count) {
                    buffer, size in
                    got = read(0, buffer.baseAddress, buffer.count)
                    size = max(got, 0)
                }
                if got < 0, errno == EINTR { continue }
                guard got > 0 else { return nil }
                bytes += piece
            }
            return bytes
        }

        private func writeAll(_ bytes: [UInt8]) -> Bool {
            var done = 0
            while done < bytes.count {
                let sent = bytes.withUnsafeBytes {
                    write(output, $0.baseAddress.map { $0 + done }, bytes.count - done)
                }
                if sent < 0, errno == EINTR { continue }
                guard sent > 0 else { return false }
                done += sent
            }
            return true
        }
    }
}
