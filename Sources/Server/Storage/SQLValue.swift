package import Records

/// One value in a row or an argument of a statement.
package enum SQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    case text(String)
    case blob([UInt8])
}

extension SQLValue {
    package init(_ value: Int) { self = .integer(Int64(value)) }
    package init(_ value: Bool) { self = .integer(value ? 1 : 0) }
    /// Stored as the signed integer of the same bits.
    package init(bits value: UInt64) { self = .integer(Int64(bitPattern: value)) }
    package init<Subject>(_ value: Identifier<Subject>) { self = .blob(value.bytes) }
    package init(_ value: Digest) { self = .blob(value.bytes) }
    package init(_ value: Timestamp) { self = .integer(value.milliseconds) }

    package init(_ value: Int64?) { self = value.map(SQLValue.integer) ?? .null }
    package init(_ value: Double?) { self = value.map(SQLValue.real) ?? .null }
    package init(_ value: String?) { self = value.map(SQLValue.text) ?? .null }
    package init(_ value: [UInt8]?) { self = value.map(SQLValue.blob) ?? .null }
    package init(_ value: Timestamp?) { self = value.map(SQLValue.init) ?? .null }
    package init(_ value: Digest?) { self = value.map(SQLValue.init) ?? .null }
    package init<Subject>(_ value: Identifier<Subject>?) {
        self = value.map(SQLValue.init) ?? .null
    }
}

extension SQLValue: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByNilLiteral
{
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(stringLiteral value: String) { self = .text(value) }
    package init(nilLiteral: ()) { self = .null }
}
