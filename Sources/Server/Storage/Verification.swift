import Records

/// Reads a file back from the medium.
enum Verification {
    /// O_DIRECT needs addresses, offsets and sizes in multiples of this.
    private static let alignment = 4_096

    /// The digest and size of what the medium holds.
    ///
    /// Blocks.
    static func read(_ path: String) throws(StorageError) -> (Digest, Int64) {
        let file = try OpenFile.openForVerifying(path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Limits.streamStepByteCount, alignment: alignment)
        defer { buffer.deallocate() }
        var hasher = Digest.Hasher()
        var offset: Int64 = 0
        while true {
            let count = try file.readOnce(into: buffer, at: offset)
            if count == 0 { break }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
            // Past an odd size there is only the end, and an odd offset would be refused.
            if count % alignment != 0 { break }
        }
        return (hasher.digest(), offset)
    }
}
