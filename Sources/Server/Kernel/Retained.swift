package import Records
package import Storage

/// An earlier state of a record, kept by the kernel itself.
package struct RetainedRevision: Hashable, Sendable {
    /// Counts up in each zone.
    package let number: Int64
    package let record: Record
    /// The epoch that the record's sequence is of.
    package let epoch: Epoch
    /// `replace`, `delete` or `purge`: what made the state an earlier one.
    package let reason: String
    package let retainedAt: Timestamp
    /// The server's day from which on it may go; `nil`: not before the record is deleted.
    package let expiresDay: Int64?
}

extension Kernel {
    static let retainedColumns = """
        zone, number, type, id, reason, retainedAt, epoch, sequence, createdAt, createdBy,
        changedAt, changedBy, trashedAt, requires, keyEpoch, fields, blobs, expiresDay, crc
        """

    /// The retained revisions of a record, the latest first.
    package func retained(
        _ key: RecordKey, in zone: ZoneID, in transaction: any Transaction
    ) throws(KernelError) -> [RetainedRevision] {
        let rows = try transaction.all(
            """
            SELECT \(Self.retainedColumns) FROM retained WHERE zone = ? AND id = ? AND type = ?
            ORDER BY number DESC
            """, [SQLValue(zone), SQLValue(key.id), .text(key.type.rawValue)])
        return try rows.map { row throws(KernelError) in try Self.revision(row) }
    }

    static func revision(_ row: SQLRow) throws(KernelError) -> RetainedRevision {
        let envelope = Envelope(
            sequence: row.integer(7), createdAt: row.timestamp(8), createdBy: row.identifier(9),
            changedAt: row.timestamp(10), changedBy: row.identifier(11),
            trashedAt: row.optionalTimestamp(12), requires: row.int(13), keyEpoch: row.int(14))
        do throws(RecordsError) {
            return RetainedRevision(
                number: row.integer(1),
                record: Record(
                    key: RecordKey(
                        type: RecordType(rawValue: row.text(2)), id: row.identifier(3)),
                    envelope: envelope, fields: try JSONText.decodeFields(row.text(15)),
                    blobs: try BlobText.decode(row.text(16))),
                epoch: Epoch(rawValue: row.integer(6)), reason: row.text(4),
                retainedAt: row.timestamp(5), expiresDay: row.optionalInteger(17))
        } catch {
            throw KernelError(
                .storage, "A row of retained revisions is damaged: run martlet doctor.",
                cause: error)
        }
    }

    func insertRetained(
        _ revision: RetainedRevision, in zone: ZoneID, _ transaction: any Transaction
    ) throws(KernelError) {
        try transaction.changePipelined(
            """
            INSERT INTO retained (\(Self.retainedColumns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, Self.values(of: revision, in: zone))
    }

    private static func values(of revision: RetainedRevision, in zone: ZoneID) -> [SQLValue] {
        let record = revision.record
        let envelope = record.envelope
        var values: [SQLValue] = [
            SQLValue(zone), .integer(revision.number), .text(record.key.type.rawValue),
            SQLValue(record.key.id), .text(revision.reason), SQLValue(revision.retainedAt),
            .integer(revision.epoch.rawValue), .integer(envelope.sequence),
            SQLValue(envelope.createdAt), SQLValue(envelope.createdBy),
            SQLValue(envelope.changedAt), SQLValue(envelope.changedBy),
            SQLValue(envelope.trashedAt), SQLValue(envelope.requires),
            SQLValue(envelope.keyEpoch), .text(JSONText.encode(record.fields ?? [:])),
            .text(BlobText.encode(record.blobs)), SQLValue(revision.expiresDay),
        ]
        values.append(RowChecksum.checksum(values))
        return values
    }

    /// Gives an end to the revisions that were kept for the record's lifetime.
    func releaseRetained(
        _ key: RecordKey, in zone: ZoneID, expiresDay: Int64, _ transaction: any Transaction
    ) throws(KernelError) {
        for revision in try retained(key, in: zone, in: transaction)
        where revision.expiresDay == nil {
            let released = RetainedRevision(
                number: revision.number, record: revision.record, epoch: revision.epoch,
                reason: revision.reason, retainedAt: revision.retainedAt, expiresDay: expiresDay)
            try transaction.changePipelined(
                "UPDATE retained SET expiresDay = ?, crc = ? WHERE zone = ? AND number = ?",
                Array(Self.values(of: released, in: zone).suffix(2))
                    + [SQLValue(zone), .integer(revision.number)])
        }
    }
}
