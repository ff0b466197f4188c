import Library
import Records
import Status

// What a newer Martlet wrote, and this one may only read (P11).
//
// - It is fetched and shown like everything else; fields, parts and types without a word here stay as
//   they are, and are sent again as they were when a server was restored.
// - What its user decides about it waits for the upgrade, and says so.
// - Edited bytes, and a sidecar for it, become an asset of their own; its name stays on other
//   devices; a file that was deleted here is fetched again.

extension SyncEngine {
    func isReadOnly(_ record: Record) -> Bool {
        record.envelope.requires > options.protocolNumber
    }

    func newerItem(_ record: Record) -> Reason {
        let name = record.fields?["name"]?.string ?? record.key.id.text
        return Reason(
            .newerItem, ["name": name, "needed": String(record.envelope.requires)],
            since: min(record.envelope.changedAt, now.wall))
    }
}
