import Records

/// Reads a file line by line, in little memory however large it is.
///
/// Every call blocks.
package struct FileLines {
    private let file: OpenFile
    private let byteCountMax: Int
    private var offset: Int64 = 0
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false

    /// `byteCountMax`: what is longer comes in pieces, so that it cannot be taken for a line.
    package init(_ path: String, byteCountMax: Int) throws(StorageError) {
        file = try OpenFile.openForReading(path)
        self.byteCountMax = byteCountMax
    }

    /// The next line with its line feed, which the last one may lack; `nil` at the end.
    package mutating func next() throws(StorageError) -> [UInt8]? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                return take(min(end + 1, start + byteCountMax))
            }
            searched = buffer.count
            if buffer.count - start >= byteCountMax { return take(start + byteCountMax) }
            if isAtEnd { return start < buffer.count ? take(buffer.count) : nil }
            let kept = buffer.count - start
            try fill()
            searched = kept
        }
    }

    private mutating func take(_ end: Int) -> [UInt8] {
        let line = Array(buffer[start..<end])
        start = end
        return line
    }

    /// Leaves what is still to be handed out at the buffer's beginning.
    private mutating func fill() throws(StorageError) {
        buffer.removeFirst(start)
        start = 0
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Limits.streamStepByteCount, alignment: 1)
        defer { memory.deallocate() }
        let count = try file.read(into: memory, at: offset)
        buffer.append(contentsOf: memory[..<count])
        offset += Int64(count)
        isAtEnd = count < memory.count
    }
}
