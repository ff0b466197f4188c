import Library
package import Records
package import SyncEngine

/// The albums as this device's user sees them: the server's records, and what was decided since.
package struct PhotoAlbums {
    package struct Album: Hashable, Sendable, Encodable {
        package let id: RecordID
        package let name: String
        package let photoCount: Int
    }

    private let rows: DatabaseRows
    private let idKey: [UInt8]
    /// By album.
    private let names: [RecordID: String]

    package init(_ rows: DatabaseRows) throws(RowsError) {
        self.rows = rows
        idKey = try rows.settings.idKey
        var names: [RecordID: String] = [:]
        try Self.forEach(.album, in: rows) { key, fields in
            names[key.id] = fields["name"]?.string ?? ""
        }
        self.names = names
    }

    // MARK: Looking

    /// Ordered by name.
    package func list() throws(RowsError) -> [Album] {
        var counts: [RecordID: Int] = [:]
        try forEachMembership { counts[$0.album, default: 0] += 1 }
        return names.map { Album(id: $0.key, name: $0.value, photoCount: counts[$0.key] ?? 0) }
            .sorted { ($0.name, $0.id) < ($1.name, $1.id) }
    }

    /// The names of each asset's albums, sorted.
    func namesByAsset() throws(RowsError) -> [RecordID: [String]] {
        guard !names.isEmpty else { return [:] }
        var albums: [RecordID: [String]] = [:]
        try forEachMembership { membership in
            guard let name = names[membership.album] else { return }
            albums[membership.asset, default: []].append(name)
        }
        return albums.mapValues { $0.sorted() }
    }

    /// The albums of this name or id; more than one when two devices made the same.
    package func albums(called name: String) -> [RecordID] {
        if let id = try? RecordID(parsing: name), names[id] != nil { return [id] }
        let key = FileName.key(Array(name.utf8))
        return names.filter { FileName.key(Array($0.value.utf8)) == key }.map(\.key).sorted()
    }

    private func forEachMembership(
        _ body: (Membership) throws(RowsError) -> Void
    ) throws(RowsError) {
        try Self.forEach(.membership, in: rows) { (_, fields) throws(RowsError) in
            guard let membership = Membership(fields), names[membership.album] != nil,
                try rows.remote(RecordKey(type: .asset, id: membership.asset))?.record.isDeleted
                    != true
            else { return }
            try body(membership)
        }
    }

    /// Each record of a type as its user sees it, those that only wait to be sent as well.
    private static func forEach(
        _ type: RecordType, in rows: DatabaseRows,
        _ body: (RecordKey, Fields) throws(RowsError) -> Void
    ) throws(RowsError) {
        var pending: [RecordKey: PendingChange] = [:]
        for change in try rows.pendingChanges(after: nil, limit: .max) where change.key.type == type
        {
            pending[change.key] = change
        }
        for remote in try rows.records(of: type, after: nil, limit: .max) {
            let key = remote.record.key
            guard let change = pending.removeValue(forKey: key) else {
                try body(key, remote.record.fields ?? [:])
                continue
            }
            if let fields = change.applied(to: remote.record)?.fields { try body(key, fields) }
        }
        for key in pending.keys.sorted() {
            guard case .patch(let patch)? = pending[key]?.action, !patch.set.isEmpty else {
                continue
            }
            try body(key, patch.differences(from: [:]))
        }
    }

    // MARK: Deciding

    package func create(
        _ id: RecordID, name: String, at now: Timestamp
    ) throws(RowsError) {
        try note(RecordKey(type: .album, id: id), .patch(named(name)), now)
    }

    package func rename(_ id: RecordID, to name: String, at now: Timestamp) throws(RowsError) {
        try note(RecordKey(type: .album, id: id), .patch(named(name)), now)
    }

    /// The photos stay.
    package func delete(_ id: RecordID, at now: Timestamp) throws(RowsError) {
        var members: [RecordKey] = []
        try Self.forEach(.membership, in: rows) { key, fields in
            if Membership(fields)?.album == id { members.append(key) }
        }
        for key in members { try note(key, .delete, now) }
        try note(RecordKey(type: .album, id: id), .delete, now)
    }

    package func add(
        _ items: [PhotoDecisions.Item], to album: RecordID, at now: Timestamp
    ) throws(RowsError) {
        for item in items {
            let membership = Membership(album: album, asset: item.id)
            try note(
                membership.key(idKey: idKey), .patch(RecordPatch(set: membership.fields)), now)
        }
    }

    package func remove(
        _ items: [PhotoDecisions.Item], from album: RecordID, at now: Timestamp
    ) throws(RowsError) {
        for item in items {
            // Another program may have named its record otherwise.
            let others = try rows.memberships(of: item.id).filter {
                $0.record.membership?.album == album
            }
            let own = Membership(album: album, asset: item.id).key(idKey: idKey)
            for key in Set(others.map(\.record.key) + [own]).sorted() {
                try note(key, .delete, now)
            }
        }
    }

    private func named(_ name: String) -> RecordPatch {
        RecordPatch(set: ["name": .string(name)])
    }

    private func note(
        _ key: RecordKey, _ action: PendingChange.Action, _ now: Timestamp
    ) throws(RowsError) {
        try rows.note(PendingChange(key: key, action: action, madeAt: now))
    }
}
