import Records

/// A secret key in a file of its own: one line of hexadecimal digits, readable by its owner only.
package enum KeyFile {
    package static let keyByteCount = 32

    /// `nil` when there is no file.
    ///
    /// Throws `damaged` when it holds something else. Blocks.
    package static func read(_ path: String) throws(StorageError) -> [UInt8]? {
        let file = AppendFile(path: path)
        guard try file.exists() else { return nil }
        guard let line = try file.lines().first, let key = decode(line) else {
            throw StorageError(
                .damaged,
                "\(path) holds no key of 64 hexadecimal digits: put the file back from a backup.")
        }
        return key
    }

    /// Never overwrites a file that is there, whatever it holds.
    ///
    /// Blocks.
    package static func readOrCreate(
        _ path: String, key make: () -> [UInt8]
    ) throws(StorageError) -> [UInt8] {
        if let key = try read(path) { return key }
        let key = make()
        try AppendFile(path: path).append(Hexadecimal.encode(key))
        return key
    }

    package static func decode(_ line: String) -> [UInt8]? {
        Hexadecimal.decode(line, byteCount: keyByteCount)
    }
}
