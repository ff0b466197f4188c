package import Records

/// `GET /photos/months`: the timeline's months, newest first.
package struct PhotoMonthsReply: Hashable, Sendable, Codable {
    package struct Month: Hashable, Sendable, Codable {
        /// `YYYY-MM`, of the pictures' local time.
        package let month: String
        package let count: Int

        package init(month: String, count: Int) {
            self.month = month
            self.count = count
        }
    }

    package let zone: ZoneID
    package let months: [Month]

    package init(zone: ZoneID, months: [Month]) {
        self.zone = zone
        self.months = months
    }
}

/// One picture as the timeline shows it.
package struct PhotoDescription: Hashable, Sendable, Codable {
    package let id: RecordID
    package let name: String
    /// `image`, `video`, `live` or `motion`.
    package let kind: String
    /// RFC 3339, local time; without an offset where none is known.
    package let takenAt: String
    /// Of the original.
    package let mediaType: String
    package let byteCount: Int64
    /// As shown, orientation applied.
    package var width: Int?
    package var height: Int?
    package var duration: Double?
    package var favorite: Bool?
    /// Base64.
    package var thumbhash: String?
    /// Absent while there is none.
    package var thumbnail: Digest?
    package var preview: Digest?
    /// Why there will be no picture: `damagedFile`.
    package var problem: String?

    package init(
        id: RecordID, name: String, kind: String, takenAt: String, mediaType: String,
        byteCount: Int64
    ) {
        self.id = id
        self.name = name
        self.kind = kind
        self.takenAt = takenAt
        self.mediaType = mediaType
        self.byteCount = byteCount
    }
}

/// `GET /photos/timeline`: some of a month's pictures, newest first.
package struct PhotosReply: Hashable, Sendable, Codable {
    package let assets: [PhotoDescription]
    package init(assets: [PhotoDescription]) { self.assets = assets }
}

/// `GET /photos/{asset}`: everything that is known of one picture.
package struct PhotoReply: Hashable, Sendable, Codable {
    package let asset: PhotoDescription
    package let digest: Digest?
    /// The records' fields as they are.
    package let fields: Fields
    package let facts: Fields

    package init(asset: PhotoDescription, digest: Digest?, fields: Fields, facts: Fields) {
        self.asset = asset
        self.digest = digest
        self.fields = fields
        self.facts = facts
    }
}

/// `GET /photos/progress`: how far the server is with reading and rendering.
package struct PhotosProgressReply: Hashable, Sendable, Codable {
    package let assets: Int
    /// Pictures whose facts or thumbnail are not there yet.
    package let waiting: Int
    /// Pictures whose preview is not there yet.
    package let withoutPreview: Int
    /// Files that no picture can be made from.
    package let damaged: Int

    package init(assets: Int, waiting: Int, withoutPreview: Int, damaged: Int) {
        self.assets = assets
        self.waiting = waiting
        self.withoutPreview = withoutPreview
        self.damaged = damaged
    }
}
