import Records
import Storage

/// The CRC-32C that record, retained and account rows carry, over their canonical bytes:
/// for each column in the table's order a tag (0 NULL, 1 integer, 2 real, 3 text, 4 blob), then an
/// integer or the bits of a real as 8 bytes, or text (UTF-8) and blobs as a length of 4 bytes and
/// their bytes; all numbers big-endian.
enum RowChecksum {
    static func checksum(_ columns: some Sequence<SQLValue>) -> SQLValue {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1_024)
        for column in columns {
            switch column {
            case .null: bytes.append(0)
            case .integer(let value): append(1, UInt64(bitPattern: value), to: &bytes)
            case .real(let value): append(2, value.bitPattern, to: &bytes)
            case .text(let value): append(3, value.utf8, to: &bytes)
            case .blob(let value): append(4, value, to: &bytes)
            }
        }
        return .integer(Int64(CRC32C.checksum(bytes)))
    }

    private static func append(_ tag: UInt8, _ number: UInt64, to bytes: inout [UInt8]) {
        bytes.append(tag)
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private static func append(
        _ tag: UInt8, _ content: some Collection<UInt8>, to bytes: inout [UInt8]
    ) {
        bytes.append(tag)
        withUnsafeBytes(of: UInt32(content.count).bigEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: content)
    }
}
