import Kernel
import Records
import Storage

/// A schema as a service would write one: a projection of titles, derived renderings, first
/// originals kept, facts of a higher reader winning.
struct NotesSchema: RecordSchema {
    let zoneKind = ZoneKind.photos
    let projectionTables = ["noteTitle"]

    static let migration = Migration(
        name: "test: notes",
        sql: """
            CREATE TABLE noteTitle (
                zone BLOB NOT NULL, id BLOB NOT NULL, title TEXT NOT NULL, PRIMARY KEY (zone, id)
            ) STRICT, WITHOUT ROWID;
            """)

    func admission(
        of change: RecordChange, current: Record?
    ) throws(KernelError) -> Admission {
        guard change.key.type == .facts, let old = current?.fields?["by"]?.integer,
            let new = change.set["by"]?.integer
        else { return .compareBase }
        return new > old ? .applyToCurrent : .ignore
    }

    func validate(_ change: RecordChange, current: Record?) throws(KernelError) {
        if change.set["title"] == .string("forbidden") {
            throw KernelError(.invalidRecord, "Choose another title.")
        }
    }

    func project(
        _ old: Record?, _ new: Record, zone: Zone, in transaction: any Transaction
    ) throws(KernelError) {
        guard new.key.type == .album else { return }
        if let title = new.fields?["title"]?.string {
            try transaction.change(
                """
                INSERT INTO noteTitle (zone, id, title) VALUES (?, ?, ?)
                ON CONFLICT (zone, id) DO UPDATE SET title = excluded.title
                """, [SQLValue(zone.id), SQLValue(new.key.id), .text(title)])
        } else {
            try transaction.change(
                "DELETE FROM noteTitle WHERE zone = ? AND id = ?",
                [SQLValue(zone.id), SQLValue(new.key.id)])
        }
    }

    func isDerived(_ type: RecordType) -> Bool { type == .rendering }

    func keepsFirst(_ role: String, of type: RecordType) -> Bool {
        type == .asset && role == "original"
    }

    func identifies(_ role: String, _ type: RecordType) -> Bool { role == "identity" }
}
