/// A value as it lies in a file that may be damaged: text by its bytes, which may be no text any
/// more.
package enum StoredValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text([UInt8])
    case blob([UInt8])

    /// `nil` for text that is not UTF-8: nothing like that is written.
    package var value: SQLValue? {
        switch self {
        case .null: .null
        case .integer(let number): .integer(number)
        case .real(let number): .real(number)
        case .text(let bytes): String(validating: bytes, as: UTF8.self).map(SQLValue.text)
        case .blob(let bytes): .blob(bytes)
        }
    }
}
