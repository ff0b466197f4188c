package import Records

/// One row of a result, its columns by position from 0.
///
/// Tables are STRICT, so a column has the type that its schema says. A value of another type can
/// only come from a damaged file, and reads as 0, empty or `nil`: rows carry checksums for that.
package struct SQLRow: Hashable, Sendable {
    package let values: [SQLValue]

    package init(_ values: [SQLValue]) { self.values = values }

    package subscript(_ column: Int) -> SQLValue { values[column] }

    package func isNull(_ column: Int) -> Bool { values[column] == .null }
}

extension SQLRow {
    package func optionalInteger(_ column: Int) -> Int64? {
        if case .integer(let value) = values[column] { value } else { nil }
    }

    /// Also takes an integer.
    package func optionalReal(_ column: Int) -> Double? {
        switch values[column] {
        case .real(let value): value
        case .integer(let value): Double(value)
        default: nil
        }
    }

    package func optionalText(_ column: Int) -> String? {
        if case .text(let value) = values[column] { value } else { nil }
    }

    package func optionalBlob(_ column: Int) -> [UInt8]? {
        if case .blob(let value) = values[column] { value } else { nil }
    }

    package func integer(_ column: Int) -> Int64 { optionalInteger(column) ?? 0 }
    package func int(_ column: Int) -> Int { Int(integer(column)) }
    package func bool(_ column: Int) -> Bool { integer(column) != 0 }
    package func bits(_ column: Int) -> UInt64 { UInt64(bitPattern: integer(column)) }
    package func real(_ column: Int) -> Double { optionalReal(column) ?? 0 }
    package func text(_ column: Int) -> String { optionalText(column) ?? "" }
    package func blob(_ column: Int) -> [UInt8] { optionalBlob(column) ?? [] }

    package func optionalTimestamp(_ column: Int) -> Timestamp? {
        optionalInteger(column).map(Timestamp.init(milliseconds:))
    }

    package func timestamp(_ column: Int) -> Timestamp {
        Timestamp(milliseconds: integer(column))
    }

    package func optionalDigest(_ column: Int) -> Digest? {
        optionalBlob(column).flatMap { Digest(bytes: $0) }
    }

    /// An identifier of all zeros stands for a damaged value.
    package func identifier<Subject>(
        _ column: Int, as type: Identifier<Subject>.Type = Identifier<Subject>.self
    ) -> Identifier<Subject> {
        optionalIdentifier(column) ?? Identifier(high: 0, low: 0)
    }

    package func optionalIdentifier<Subject>(
        _ column: Int, as type: Identifier<Subject>.Type = Identifier<Subject>.self
    ) -> Identifier<Subject>? {
        optionalBlob(column).flatMap { Identifier(bytes: $0) }
    }
}
