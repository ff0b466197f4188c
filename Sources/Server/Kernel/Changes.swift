package import Records
package import Storage

extension Kernel {
    /// Returns records changed after `token`, by their latest change, up to `limit` and 4 MiB,
    /// ending at a commit's end.
    ///
    /// Only a page with `more == false` leaves a state that existed.
    ///
    /// Without a token it is a first listing, which leaves tombstones out. Throws `zoneNotFound`,
    /// `changeTokenExpired`, and `serverRolledBack` when the token proves that the server has
    /// lost a state. One index range scan: the cost grows with what changed only.
    package func changes(
        in zone: ZoneID, for account: AccountID, after token: ChangeToken?, limit: Int,
        in transaction: any Transaction
    ) throws(KernelError) -> ChangePage {
        let page = try page(
            in: zone, for: account, after: token, limit: limit, in: transaction)
        return ChangePage(
            records: try page.rows.map { row throws(KernelError) in try RecordRow(row).record },
            token: page.token, more: page.more)
    }

    /// The same page as the JSON of `ChangePage`.
    ///
    /// Fields and blobs are passed on as they are stored, so that a million records are listed
    /// without being taken apart.
    package func encodedChanges(
        in zone: ZoneID, for account: AccountID, after token: ChangeToken?, limit: Int,
        in transaction: any Transaction
    ) throws(KernelError) -> [UInt8] {
        let page = try page(
            in: zone, for: account, after: token, limit: limit, in: transaction)
        var writer = JSONTextWriter()
        writer.bytes.reserveCapacity(page.byteCount + 1_024)
        writer.raw(page.more ? "{\"more\":true,\"records\":[" : "{\"more\":false,\"records\":[")
        for (index, row) in page.rows.enumerated() {
            if index > 0 { writer.raw(",") }
            writer.writeRecord(row)
        }
        writer.raw("],\"token\":\"")
        writer.raw(page.token.text)
        writer.raw("\"}")
        return writer.bytes
    }

    /// Throws unless the zone's history still has the state that the token names.
    func check(
        _ token: ChangeToken, in zone: Zone, _ transaction: any Transaction
    ) throws(KernelError) {
        switch try standing(of: token, in: zone, transaction) {
        case .current: break
        case .rolledBack: throw Self.rolledBack
        case .expired:
            throw KernelError(
                .changeTokenExpired, "The zone began a new epoch: list it again.")
        }
    }

    private func page(
        in id: ZoneID, for account: AccountID, after token: ChangeToken?, limit: Int,
        in transaction: any Transaction
    ) throws(KernelError) -> Page {
        let zone = try zone(id, for: account, in: transaction)
        if let token { try check(token, in: zone, transaction) }
        let listingHead = token == nil ? zone.head : token?.listingHead
        var builder = PageBuilder(limit: min(max(limit, 1), Limits.recordsPerPageMax))
        try transaction.each(
            """
            SELECT \(RecordRow.columns) FROM record
            WHERE zone = ? AND sequence > ? AND (fields IS NOT NULL OR sequence > ?)
            ORDER BY sequence
            """,
            [
                SQLValue(id), .integer(token?.sequence ?? 0), .integer(listingHead ?? 0),
            ]
        ) { builder.add($0) }
        let (rows, last) = builder.finish()
        guard let last else {
            return Page(rows: rows, token: zone.token, more: false, byteCount: builder.byteCount)
        }
        // A record that changed after `last` is not in this page. Were the server put back to `last`,
        // it would be as it was before, and on no page: so the token names the head's stamp, and is
        // good only while that one is there.
        return Page(
            rows: rows,
            token: ChangeToken(
                epoch: zone.epoch, sequence: last, stamp: zone.headStamp,
                listingHead: listingHead), more: true, byteCount: builder.byteCount)
    }
}

/// One page of the feed before it becomes records or text.
struct Page {
    /// About what a record costs besides its fields and blobs.
    static let envelopeByteCount = 400

    let rows: [SQLRow]
    let token: ChangeToken
    let more: Bool
    let byteCount: Int
}

/// Gathers whole commits until a page is full.
private struct PageBuilder {
    let limit: Int
    private var rows: [SQLRow] = []
    private(set) var byteCount = 0
    /// Rows that belong to whole commits, and their bytes.
    private var whole = (rowCount: 0, byteCount: 0)
    private var isFull = false

    init(limit: Int) { self.limit = limit }

    /// Returns whether there is room for another.
    mutating func add(_ row: SQLRow) -> Bool {
        let sequence = row.integer(RecordRow.sequenceColumn)
        if let last = rows.last, last.integer(RecordRow.sequenceColumn) != sequence {
            if isOver && whole.rowCount > 0 || isAtLimit {
                isFull = true
                return false
            }
            whole = (rows.count, byteCount)
        }
        rows.append(row)
        byteCount +=
            row[RecordRow.fieldsColumn].utf8Count + row[RecordRow.blobsColumn].utf8Count
            + Page.envelopeByteCount
        // A commit that does not fit behind others waits for the next page.
        if isOver && whole.rowCount > 0 {
            isFull = true
            return false
        }
        return true
    }

    private var isOver: Bool { rows.count > limit || byteCount > Limits.pageByteCountMax }
    private var isAtLimit: Bool { rows.count >= limit || byteCount >= Limits.pageByteCountMax }

    /// The rows of the page, and the last commit in it when there is more.
    func finish() -> ([SQLRow], Int64?) {
        guard isFull else { return (rows, nil) }
        let page = isOver && whole.rowCount > 0 ? Array(rows.prefix(whole.rowCount)) : rows
        return (page, page.last?.integer(RecordRow.sequenceColumn))
    }
}

extension JSONTextWriter {
    /// A record's row in the form of `Record`'s coding.
    fileprivate mutating func writeRecord(_ row: SQLRow) {
        raw("{\"blobs\":")
        raw(row.text(RecordRow.blobsColumn))
        raw(",\"envelope\":")
        writeEnvelope(row)
        if let fields = row.optionalText(RecordRow.fieldsColumn) {
            raw(",\"fields\":")
            raw(fields)
        }
        if !row.isNull(RecordRow.joinedIntoColumn) {
            raw(",\"joinedInto\":\"")
            writeHexadecimal(row, RecordRow.joinedIntoColumn)
            raw("\"")
        }
        raw(",\"key\":{\"id\":\"")
        writeHexadecimal(row, RecordRow.idColumn)
        raw("\",\"type\":")
        write(row.text(RecordRow.typeColumn))
        raw("}}")
    }

    /// Straight from the columns, which hold what the JSON says, but for the form of identifiers.
    private mutating func writeEnvelope(_ row: SQLRow) {
        raw("{\"changedAt\":")
        write(row.integer(RecordRow.changedAtColumn))
        raw(",\"changedBy\":\"")
        writeHexadecimal(row, RecordRow.changedByColumn)
        raw("\",\"createdAt\":")
        write(row.integer(RecordRow.createdAtColumn))
        raw(",\"createdBy\":\"")
        writeHexadecimal(row, RecordRow.createdByColumn)
        raw("\"")
        if let epoch = row.optionalInteger(RecordRow.derivedEpochColumn),
            let sequence = row.optionalInteger(RecordRow.derivedEpochColumn + 1)
        {
            raw(",\"derivedFrom\":{\"epoch\":")
            write(epoch)
            raw(",\"sequence\":")
            write(sequence)
            raw("}")
        }
        raw(",\"keyEpoch\":")
        write(row.integer(RecordRow.keyEpochColumn))
        raw(",\"requires\":")
        write(row.integer(RecordRow.requiresColumn))
        raw(",\"sequence\":")
        write(row.integer(RecordRow.sequenceColumn))
        if let trashedAt = row.optionalInteger(RecordRow.trashedAtColumn) {
            raw(",\"trashedAt\":")
            write(trashedAt)
        }
        raw("}")
    }

    private mutating func write(_ number: Int64) { raw(String(number)) }

    private mutating func writeHexadecimal(_ row: SQLRow, _ column: Int) {
        guard case .blob(let blob) = row[column] else { return }
        for byte in blob {
            bytes.append(Self.digit(byte >> 4))
            bytes.append(Self.digit(byte & 15))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}
