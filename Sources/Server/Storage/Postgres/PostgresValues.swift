import CPostgres

/// The types that Martlet's values have in PostgreSQL, by their fixed numbers.
enum PostgresType {
    /// Left to the server, which infers it: of a NULL.
    static let unknown: Oid = 0
    static let bool: Oid = 16
    static let bytes: Oid = 17
    static let int8: Oid = 20
    static let int2: Oid = 21
    static let int4: Oid = 23
    static let text: Oid = 25
    static let float4: Oid = 700
    static let float8: Oid = 701
    static let numeric: Oid = 1700
    static let void: Oid = 2278

    static func of(_ value: SQLValue) -> Oid {
        switch value {
        case .null: unknown
        case .integer: int8
        case .real: float8
        case .text: text
        case .blob: bytes
        }
    }
}

/// The arguments of one statement in PostgreSQL's binary form, one behind the other.
struct PostgresArguments {
    private var bytes: [UInt8] = []
    /// `nil` is NULL.
    private var places: [Range<Int>?] = []

    var byteCount: Int { bytes.count }

    /// Throws `constraint` for text with a NUL, which PostgreSQL cannot keep.
    init(_ values: [SQLValue]) throws(StorageError) {
        places.reserveCapacity(values.count)
        for value in values {
            let begin = bytes.count
            switch value {
            case .null:
                places.append(nil)
                continue
            case .integer(let number):
                append(UInt64(bitPattern: number))
            case .real(let number):
                append(number.bitPattern)
            case .text(let text):
                guard !text.utf8.contains(0) else {
                    throw StorageError(
                        .constraint, "Text in the database has no NUL: leave it out.")
                }
                bytes.append(contentsOf: text.utf8)
            case .blob(let blob):
                bytes.append(contentsOf: blob)
            }
            places.append(begin..<bytes.count)
        }
    }

    private mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    /// Hands out what libpq's functions take: count, pointers, lengths, formats.
    func withParameters<R>(
        _ body: (
            Int32, UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int32>, UnsafePointer<Int32>
        ) -> R
    ) -> R {
        // One byte more, so that an empty value at the end has a place too: nil would be NULL.
        (bytes + [0]).withUnsafeBytes { buffer in
            let start = buffer.bindMemory(to: CChar.self).baseAddress
            let pointers = places.map { place in
                place.flatMap { place in start.map { $0 + place.lowerBound } }
            }
            let lengths = places.map { Int32($0?.count ?? 0) }
            let formats = [Int32](repeating: 1, count: places.count)
            return body(Int32(places.count), pointers, lengths, formats)
        }
    }
}

/// What a statement answered; all of it is in memory.
struct PostgresResult: ~Copyable {
    private let handle: OpaquePointer

    /// Takes over the result.
    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { PQclear(handle) }

    /// How many rows it changed.
    var changedCount: Int {
        guard let text = PQcmdTuples(handle) else { return 0 }
        return Int(String(cString: text)) ?? 0
    }

    /// The name of the command that was carried out: `ROLLBACK` for a COMMIT of what had failed.
    var command: String { PQcmdStatus(handle).map { String(cString: $0) } ?? "" }

    var rowCount: Int { Int(PQntuples(handle)) }

    func rows() throws(StorageError) -> [SQLRow] {
        var rows: [SQLRow] = []
        rows.reserveCapacity(rowCount)
        for row in 0..<PQntuples(handle) { rows.append(try self.row(row)) }
        return rows
    }

    func row(_ row: Int32) throws(StorageError) -> SQLRow {
        let count = PQnfields(handle)
        var values: [SQLValue] = []
        values.reserveCapacity(Int(count))
        for column in 0..<count { values.append(try value(row, column)) }
        return SQLRow(values)
    }

    private func value(_ row: Int32, _ column: Int32) throws(StorageError) -> SQLValue {
        guard PQgetisnull(handle, row, column) == 0 else { return .null }
        let bytes = UnsafeRawBufferPointer(
            start: PQgetvalue(handle, row, column), count: Int(PQgetlength(handle, row, column)))
        switch PQftype(handle, column) {
        case PostgresType.int8, PostgresType.int4, PostgresType.int2:
            return .integer(Self.signed(bytes))
        case PostgresType.bool:
            return .integer(bytes.first == 1 ? 1 : 0)
        case PostgresType.float8:
            return .real(Double(bitPattern: UInt64(bitPattern: Self.signed(bytes))))
        case PostgresType.float4:
            return .real(
                Double(Float(bitPattern: UInt32(truncatingIfNeeded: Self.signed(bytes)))))
        case PostgresType.bytes:
            return .blob([UInt8](bytes))
        case PostgresType.numeric:
            return .integer(try Self.integer(ofNumeric: bytes))
        case PostgresType.void:
            return .null
        default:
            // text, and what is sent in the same form: name, varchar, unknown.
            return .text(String(decoding: bytes, as: UTF8.self))
        }
    }

    private static func signed(_ bytes: some Collection<UInt8>) -> Int64 {
        var number: Int64 = (bytes.first ?? 0) & 0x80 == 0 ? 0 : -1
        for byte in bytes { number = number << 8 | Int64(byte) }
        return number
    }

    /// A sum of integers is a `numeric`: count of digits, weight of the first, sign, scale, and then
    /// the digits to base 10,000, all of two bytes.
    private static func integer(
        ofNumeric bytes: UnsafeRawBufferPointer
    ) throws(StorageError) -> Int64 {
        let words = stride(from: 0, to: bytes.count - 1, by: 2).map {
            Int64(bytes[$0]) << 8 | Int64(bytes[$0 + 1])
        }
        var number: Int64 = 0
        guard words.count >= 4, words[2] == 0 || words[2] == 0x4000 else {
            throw StorageError(.failed, "The database answered with what is not a number.")
        }
        let weight = Int(Int16(truncatingIfNeeded: words[1]))
        for place in 0..<max(0, weight + 1) {
            let digit = place < Int(words[0]) && place + 4 < words.count ? words[place + 4] : 0
            let (shifted, overflow) = number.multipliedReportingOverflow(by: 10_000)
            let (sum, overflowToo) = shifted.addingReportingOverflow(digit)
            guard !overflow, !overflowToo else {
                throw StorageError(.failed, "The database answered with too large a number.")
            }
            number = sum
        }
        return words[2] == 0 ? number : -number
    }
}
