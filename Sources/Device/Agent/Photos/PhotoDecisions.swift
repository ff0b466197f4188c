package import Library
package import Records
package import SyncEngine

/// What people decide about photos on this device: noted in its database, shown at once, and sent
/// by the next sync or the running agent.
package struct PhotoDecisions {
    /// An item that a person named.
    package struct Item: Hashable, Sendable, Encodable {
        package let id: RecordID
        package let name: String
        let original: Digest?
        let requires: Int

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(id, forKey: .id)
            try container.encode(name, forKey: .name)
        }

        private enum Key: String, CodingKey { case id, name }

        /// Written by a newer Martlet: this one must not change it (P11).
        package var isReadOnly: Bool { requires > WireProtocol.current }
    }

    /// What the names of a command stand for.
    package struct Found: Sendable {
        package var items: [Item] = []
        package var unknown: [String] = []
        /// Names of more than one item.
        package var ambiguous: [String] = []
    }

    package enum Section: Sendable {
        case library, trash
    }

    let rows: DatabaseRows
    let idKey: [UInt8]
    let now: Timestamp

    package init(_ rows: DatabaseRows, at now: Timestamp) throws(RowsError) {
        self.rows = rows
        self.now = now
        idKey = try rows.settings.idKey
    }

    // MARK: Which

    /// Each name is an id, a digest, a path, or the name of exactly one photo.
    package func find(_ names: [String], in section: Section) throws(RowsError) -> Found {
        var found = Found()
        let lookup = try ItemLookup(rows)
        var byName: [String: [Item]]?
        for name in names {
            if let item = try item(named: name, lookup, in: section) {
                if !found.items.contains(item) { found.items.append(item) }
                continue
            }
            let all = if let byName { byName } else { try itemsByName(in: section) }
            byName = all
            switch all[FileName.key(Array(name.utf8))] ?? [] {
            case let one where one.count == 1:
                if !found.items.contains(one[0]) { found.items.append(one[0]) }
            case let some where some.isEmpty: found.unknown.append(name)
            default: found.ambiguous.append(name)
            }
        }
        return found
    }

    /// An asset that is known, as its user sees it.
    package func item(_ id: RecordID) throws(RowsError) -> Item {
        try record(id).map(item) ?? Item(id: id, name: id.text, original: nil, requires: 0)
    }

    /// All that lie in Recently Deleted, as this device's user sees it.
    package func trash() throws(RowsError) -> [Item] {
        var items: [Item] = []
        try forEachAsset(in: .trash) { items.append(item($0)) }
        return items
    }

    private func item(
        named name: String, _ lookup: ItemLookup, in section: Section
    ) throws(RowsError) -> Item? {
        // Below the working folder first, then as it was typed: an id, or below the library.
        let absolute = DeviceHome.absolute(name)
        for subject in lookup.subjects(named: absolute) + lookup.subjects(named: name) {
            let id: RecordID?
            var fileName: String?
            switch subject {
            case .asset(let asset): id = asset
            case .digest(let digest): id = try asset(of: digest)
            case .place(let place):
                let file = try rows.localFile(at: place)
                fileName = file.map { FileName.cleaned($0.place.path.name).text }
                id =
                    if let digest = file?.content?.digest { try asset(of: digest) } else {
                        file?.agreed?.asset
                    }
            }
            guard let id else { continue }
            if let record = try record(id) {
                if isShown(record, in: section) { return item(record) }
            } else if section == .library, let fileName,
                try rows.remote(RecordKey(type: .asset, id: id)) == nil
            {
                // Not sent yet: the decision waits for its bytes.
                return Item(id: id, name: fileName, original: nil, requires: 0)
            }
        }
        return nil
    }

    private func asset(of digest: Digest) throws(RowsError) -> RecordID? {
        let named = try rows.assets(with: digest)
        let best = named.first { !$0.record.isDeleted } ?? named.first
        return best?.record.joinedInto ?? best?.record.key.id
            ?? AssetIdentity.id(of: digest, idKey: idKey)
    }

    /// The asset as its user sees it; `nil`: not known, or gone.
    func record(_ id: RecordID) throws(RowsError) -> Record? {
        let key = RecordKey(type: .asset, id: id)
        guard let remote = try rows.remote(key)?.record, !remote.isDeleted else { return nil }
        guard let pending = try rows.pendingChange(key) else { return remote }
        return pending.applied(to: remote)
    }

    private func itemsByName(in section: Section) throws(RowsError) -> [String: [Item]] {
        var items: [String: [Item]] = [:]
        try forEachAsset(in: section) { record in
            let item = item(record)
            items[FileName.key(Array(item.name.utf8)), default: []].append(item)
        }
        return items
    }

    private func forEachAsset(
        in section: Section, _ body: (Record) throws(RowsError) -> Void
    ) throws(RowsError) {
        var id: RecordID?
        while true {
            let page = try rows.records(of: .asset, after: id, limit: Limits.recordsPerPageMax)
            for asset in page {
                guard let record = try record(asset.record.key.id), isShown(record, in: section)
                else { continue }
                try body(record)
            }
            guard let last = page.last, page.count == Limits.recordsPerPageMax else { return }
            id = last.record.key.id
        }
    }

    private func isShown(_ record: Record, in section: Section) -> Bool {
        record.isTrashed == (section == .trash)
    }

    private func item(_ record: Record) -> Item {
        Item(
            id: record.key.id, name: AssetFields(record.fields ?? [:]).name,
            original: record.blob(.original)?.digest, requires: record.envelope.requires)
    }

    // MARK: What

    package func note(_ patch: RecordPatch, about items: [Item]) throws(RowsError) {
        for item in items {
            try rows.note(
                PendingChange(
                    key: RecordKey(type: .asset, id: item.id), action: .patch(patch), madeAt: now))
        }
    }

    /// Takes each apart into two; `role` nil: the video, or else the RAW.
    ///
    /// What has no such part stays as it is.
    package func split(_ items: [Item], role: BlobRole?) throws(RowsError) {
        for item in items {
            guard let record = try record(item.id),
                let role = role
                    ?? [.pairedVideo, .alternate].first(where: {
                        record.blob($0) != nil
                    })
            else { continue }
            try rows.note(.split(item.id, role, at: now))
        }
    }

    /// Delete Now.
    package func purge(_ items: [Item]) throws(RowsError) {
        for item in items {
            try rows.note(
                PendingChange(
                    key: RecordKey(type: .asset, id: item.id),
                    action: .purge(original: item.original), madeAt: now))
        }
    }
}
