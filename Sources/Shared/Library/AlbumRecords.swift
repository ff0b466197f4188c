package import Records

/// One asset in one album.
///
/// A record each, so that adding and removing merge. Its id follows from what it joins: two devices
/// that add the same picture make the same record.
package struct Membership: Hashable, Sendable {
    package let album: RecordID
    package let asset: RecordID

    package init(album: RecordID, asset: RecordID) {
        self.album = album
        self.asset = asset
    }

    package init?(_ fields: Fields) {
        guard let album = fields["album"]?.string.flatMap({ try? RecordID(parsing: $0) }),
            let asset = fields["asset"]?.string.flatMap({ try? RecordID(parsing: $0) })
        else { return nil }
        self.init(album: album, asset: asset)
    }

    package var fields: Fields {
        ["album": .string(album.text), "asset": .string(asset.text)]
    }

    package func key(idKey: [UInt8]) -> RecordKey {
        RecordKey(type: .membership, id: AssetIdentity.membership(self, idKey: idKey))
    }
}

extension Record {
    /// Of a record of type `membership` that is not deleted.
    package var membership: Membership? {
        key.type == .membership ? fields.flatMap(Membership.init) : nil
    }
}
