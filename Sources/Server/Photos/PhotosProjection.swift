import Kernel
import Library
import Records
import Storage

/// Keeps `photoAsset` and `photoMonth` in step with the records.
enum PhotosProjection {
    private static let insert = """
        INSERT INTO photoAsset (\(PhotoRow.columns))
        VALUES (\(Array(repeating: "?", count: columnNames.count).joined(separator: ", ")))
        ON CONFLICT (zone, id) DO UPDATE SET
        \(columnNames.dropFirst(2).map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
        """

    private static let columnNames = PhotoRow.columns
        .split { $0 == "," || $0 == " " || $0 == "\n" }.map(String.init)

    static func row(
        _ id: RecordID, in zone: ZoneID, _ transaction: any Transaction
    ) throws(KernelError) -> PhotoRow? {
        try transaction.first(
            "SELECT \(PhotoRow.columns) FROM photoAsset WHERE zone = ? AND id = ?",
            [SQLValue(zone), SQLValue(id)]
        ).map(PhotoRow.init)
    }

    /// Takes up one record's latest state.
    static func apply(
        _ record: Record, in zone: ZoneID, _ transaction: any Transaction
    ) throws(KernelError) {
        let old = try row(record.key.id, in: zone, transaction)
        var new = old ?? PhotoRow(zone: zone, id: record.key.id)
        switch record.key.type {
        case .asset: new.asset = AssetPart(record)
        case .facts: new.facts = FactsPart(record)
        case .rendering: new.rendering = RenderingPart(record)
        default: return
        }
        guard new != old else { return }
        if new.isEmpty {
            try transaction.changePipelined(
                "DELETE FROM photoAsset WHERE zone = ? AND id = ?",
                [SQLValue(zone), SQLValue(new.id)])
        } else {
            try transaction.changePipelined(insert, new.values)
        }
        try count(old, new, zone, transaction)
    }

    private static func count(
        _ old: PhotoRow?, _ new: PhotoRow, _ zone: ZoneID, _ transaction: any Transaction
    ) throws(KernelError) {
        let before = old.flatMap(place)
        let after = place(new)
        guard before?.section != after?.section || before?.month != after?.month else { return }
        if let before { try change(before, by: -1, zone, transaction) }
        if let after { try change(after, by: 1, zone, transaction) }
    }

    private static func place(_ row: PhotoRow) -> (section: PhotoSection, month: PhotoMonth)? {
        guard let section = row.section, let shown = row.shown else { return nil }
        return (section, shown.photoMonth)
    }

    private static func change(
        _ place: (section: PhotoSection, month: PhotoMonth), by difference: Int64, _ zone: ZoneID,
        _ transaction: any Transaction
    ) throws(KernelError) {
        let key: [SQLValue] = [
            SQLValue(zone), .integer(place.section.rawValue), SQLValue(place.month.number),
        ]
        try transaction.changePipelined(
            """
            INSERT INTO photoMonth (zone, section, month, assetCount) VALUES (?, ?, ?, ?)
            ON CONFLICT (zone, section, month) DO UPDATE
            SET assetCount = photoMonth.assetCount + excluded.assetCount
            """, key + [.integer(difference)])
        guard difference < 0 else { return }
        try transaction.changePipelined(
            """
            DELETE FROM photoMonth
            WHERE zone = ? AND section = ? AND month = ? AND assetCount = 0
            """, key)
    }
}
