import Records
import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A secret key in a file of its own: one line of hexadecimal digits, readable by its owner only.
enum KeyFile {
    /// Never overwrites a file that is there, whatever it holds.
    ///
    /// Blocks.
    static func readOrCreate(_ path: String, key make: () -> Data) throws -> [UInt8] {
        let file = AppendFile(path: path)
        if try file.exists() {
            guard let line = try file.lines().first,
                let key = Hexadecimal.decode(line, byteCount: 32)
            else {
                throw KernelError(.storage, "The file holds no key of 64 hexadecimal digits.")
            }
            return key
        }
        let key = Array(make())
        try file.append(Hexadecimal.encode(key))
        return key
    }
}
