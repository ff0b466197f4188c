import CZlib

package enum Gzip {
    /// Unpacks a gzip body (RFC 1952); `nil` when it is broken or would pass `byteCountMax`.
    package static func unpack(_ bytes: [UInt8], byteCountMax: Int) -> [UInt8]? {
        var stream = z_stream()
        let automaticHeader: Int32 = 15 + 32
        guard
            inflateInit2_(
                &stream, automaticHeader, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        else { return nil }
        defer { inflateEnd(&stream) }
        var input = bytes
        var output: [UInt8] = []
        var step = [UInt8](repeating: 0, count: 256 << 10)
        return input.withUnsafeMutableBufferPointer { source -> [UInt8]? in
            stream.next_in = source.baseAddress
            stream.avail_in = uInt(source.count)
            while true {
                let room = step.count
                let (result, left) = step.withUnsafeMutableBufferPointer { target in
                    stream.next_out = target.baseAddress
                    stream.avail_out = uInt(room)
                    return (inflate(&stream, Z_NO_FLUSH), Int(stream.avail_out))
                }
                guard result == Z_OK || result == Z_STREAM_END else { return nil }
                output.append(contentsOf: step[..<(room - left)])
                guard output.count <= byteCountMax else { return nil }
                if result == Z_STREAM_END { return output }
                if stream.avail_in == 0 && left == room { return nil }
            }
        }
    }
}
