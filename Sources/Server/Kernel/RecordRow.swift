import Records
import Storage

/// A record as the database keeps it.
struct RecordRow {
    var record: Record
    /// The server's day on which it was trashed; `nil` outside the trash.
    var trashedDay: Int64?

    /// All columns of `record`, in the table's order.
    static let columns = """
        zone, type, id, sequence, createdAt, createdBy, changedAt, changedBy, trashedAt, trashedDay,
        requires, keyEpoch, derivedEpoch, derivedSequence, joinedInto, fields, blobs, crc
        """
    /// Where the text of the fields and blobs stands, for those who pass it on unread.
    static let typeColumn = 1
    static let idColumn = 2
    static let sequenceColumn = 3
    static let createdAtColumn = 4
    static let createdByColumn = 5
    static let changedAtColumn = 6
    static let changedByColumn = 7
    static let trashedAtColumn = 8
    static let requiresColumn = 10
    static let keyEpochColumn = 11
    static let derivedEpochColumn = 12
    static let joinedIntoColumn = 14
    static let fieldsColumn = 15
    static let blobsColumn = 16
    static let crcColumn = 17

    init(record: Record, trashedDay: Int64?) {
        self.record = record
        self.trashedDay = trashedDay
    }

    /// Throws `storage` for a row that is damaged.
    init(_ row: SQLRow) throws(KernelError) {
        let key = RecordKey(
            type: RecordType(rawValue: row.text(Self.typeColumn)),
            id: row.identifier(Self.idColumn))
        do throws(RecordsError) {
            record = Record(
                key: key, envelope: Self.envelope(row),
                fields: try row.optionalText(Self.fieldsColumn).map {
                    text throws(RecordsError) in try JSONText.decodeFields(text)
                },
                blobs: try BlobText.decode(row.text(Self.blobsColumn)),
                joinedInto: row.optionalIdentifier(Self.joinedIntoColumn))
        } catch {
            throw KernelError(
                .storage, "The row of the record \(key.id) is damaged: run martlet doctor.",
                cause: error)
        }
        trashedDay = row.optionalInteger(9)
    }

    static func envelope(_ row: SQLRow) -> Envelope {
        var envelope = Envelope(
            sequence: row.integer(sequenceColumn), createdAt: row.timestamp(4),
            createdBy: row.identifier(5), changedAt: row.timestamp(6),
            changedBy: row.identifier(7), trashedAt: row.optionalTimestamp(8),
            requires: row.int(10), keyEpoch: row.int(11))
        if let epoch = row.optionalInteger(12), let sequence = row.optionalInteger(13) {
            envelope.derivedFrom = Base(epoch: Epoch(rawValue: epoch), sequence: sequence)
        }
        return envelope
    }

    /// The values of all columns; the last is their checksum.
    func values(in zone: ZoneID) -> [SQLValue] {
        let envelope = record.envelope
        var values: [SQLValue] = [
            SQLValue(zone), .text(record.key.type.rawValue), SQLValue(record.key.id),
            .integer(envelope.sequence), SQLValue(envelope.createdAt),
            SQLValue(envelope.createdBy), SQLValue(envelope.changedAt),
            SQLValue(envelope.changedBy), SQLValue(envelope.trashedAt), SQLValue(trashedDay),
            SQLValue(envelope.requires), SQLValue(envelope.keyEpoch),
            SQLValue(envelope.derivedFrom?.epoch.rawValue),
            SQLValue(envelope.derivedFrom?.sequence), SQLValue(record.joinedInto),
            SQLValue(record.fields.map { JSONText.encode($0) }),
            .text(BlobText.encode(record.blobs)),
        ]
        values.append(RowChecksum.checksum(values))
        return values
    }
}

/// Blob references by role as canonical JSON, in the form of the wire.
enum BlobText {
    static func encode(_ blobs: [String: BlobReference]) -> String {
        guard !blobs.isEmpty else { return "{}" }
        var writer = JSONTextWriter()
        for (index, role) in blobs.keys.sorted().enumerated() {
            guard let blob = blobs[role] else { continue }
            writer.raw(index == 0 ? "{" : ",")
            writer.write(role)
            writer.raw(":{\"byteCount\":")
            writer.raw(String(blob.byteCount))
            writer.raw(",\"digest\":\"")
            writer.raw(blob.digest.text)
            writer.raw("\",\"mediaType\":")
            writer.write(blob.mediaType)
            writer.raw("}")
        }
        writer.raw("}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static func decode(_ text: String) throws(RecordsError) -> [String: BlobReference] {
        guard text != "{}" else { return [:] }
        var blobs: [String: BlobReference] = [:]
        // The order of a dictionary does not matter to another dictionary.
        for (role, value) in try JSONText.decodeFields(text) {
            guard let fields = value.object, let digest = fields["digest"]?.string,
                let byteCount = fields["byteCount"]?.integer,
                let mediaType = fields["mediaType"]?.string
            else { throw RecordsError(.invalidJSON, "A blob reference lacks a part.") }
            blobs[role] = BlobReference(
                digest: try Digest(parsing: digest), byteCount: byteCount, mediaType: mediaType)
        }
        return blobs
    }
}
