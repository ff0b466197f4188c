import CMartlet
import Records
import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What users and their programs noted at a file: tags, comments, where it was downloaded from.
///
/// Nothing follows from it here, so what cannot be copied holds up nothing: it is said.
package struct ExtendedAttributes {
    /// Sets an attribute of an open file; returns 0, or the system's number of the error.
    package typealias Setting =
        @Sendable (_ file: Int32, _ name: [UInt8], _ value: [UInt8]) -> Int32

    /// As the system does it.
    package static let system: Setting = { file, name, value in
        let result = withName(name) { martlet_set_attribute(file, $0, value, value.count) }
        return result == 0 ? 0 : errno
    }

    let set: Setting

    /// Whether `copy` has all of `source`'s by now, with the same values.
    func copy(from source: Descriptor, to copy: Descriptor) -> Bool {
        guard let names = Self.names(source) else { return false }
        var isWhole = true
        for name in names {
            guard let value = Self.value(name, source) else {
                isWhole = false
                continue
            }
            if Self.value(name, copy) == value { continue }
            if set(copy.number, name, value) != 0 { isWhole = false }
        }
        return isWhole
    }

    /// `nil`: they cannot be read.
    ///
    /// A file system without attributes has none.
    private static func names(_ file: Descriptor) -> [[UInt8]]? {
        var bytes = [UInt8](repeating: 0, count: Limits.attributeByteCountMax)
        let count = bytes.withUnsafeMutableBytes { buffer in
            martlet_list_attributes(
                file.number, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        guard count >= 0 else { return errno == ENOTSUP ? [] : nil }
        return bytes[..<count].split(separator: 0).map(Array.init)
            .filter { withName($0) { martlet_is_user_attribute($0) } != 0 }
    }

    /// `nil`: it has none of that name.
    private static func value(_ name: [UInt8], _ file: Descriptor) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: Limits.attributeByteCountMax)
        let room = bytes.count
        let count = withName(name) { martlet_get_attribute(file.number, $0, &bytes, room) }
        return count >= 0 ? Array(bytes[..<count]) : nil
    }
}
