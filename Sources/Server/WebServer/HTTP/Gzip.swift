import CZlib

/// Compresses answers (RFC 1952).
enum Gzip {
    /// Quick rather than small: feeds are made for each device.
    private static let level: Int32 = 1
    /// 15 bits of window, and 16 for the gzip frame.
    private static let windowBits: Int32 = 15 + 16

    /// Whether an `Accept-Encoding` header takes gzip (RFC 9110, section 12.5.3).
    static func isAccepted(_ header: String?) -> Bool {
        guard let header else { return false }
        return header.split(separator: ",").contains { entry in
            let parts = entry.split(separator: ";").map { $0.filter { $0 != " " } }
            guard let coding = parts.first?.lowercased(), coding == "gzip" || coding == "*" else {
                return false
            }
            let weight = parts.dropFirst().first { $0.lowercased().hasPrefix("q=") }
            return weight.flatMap { Double($0.dropFirst(2)) } ?? 1 > 0
        }
    }

    /// `nil` when zlib refuses, which then means: send it as it is.
    static func compress(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard
            deflateInit2_(
                &stream, level, Z_DEFLATED, windowBits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(bytes.count)))
        var input = bytes
        let output = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            input.withUnsafeMutableBufferPointer { input in
                stream.next_in = input.baseAddress
                stream.avail_in = UInt32(input.count)
                stream.next_out = buffer.baseAddress
                stream.avail_out = UInt32(buffer.count)
                if deflate(&stream, Z_FINISH) == Z_STREAM_END { count = Int(stream.total_out) }
            }
        }
        return output.isEmpty ? nil : output
    }
}
