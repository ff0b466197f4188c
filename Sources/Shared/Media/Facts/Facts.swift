package import Records

/// What was read from a media file: the fields of a `facts` record.
package struct Facts: Hashable, Sendable, Codable {
    /// The number of the reader on devices: quick, in Swift, of the common formats.
    package static let quickReader = 1
    /// The number of the server's reader: the quick one and ExifTool.
    package static let fullReader = 2

    package enum Kind: String, Sendable, Codable {
        case image
        case video
        /// A still with its paired video (Live Photo); made by joining, never read from one file.
        case live
        /// A still with its film inside it (Motion Photo).
        case motion
    }

    package var kind: Kind
    package var mediaType: MediaType
    /// Pixels as shown: orientation is applied.
    package var width: Int?
    package var height: Int?
    /// The orientation of EXIF (1 to 8) that the file asks for; width and height include it.
    package var orientation: Int?
    /// Seconds.
    package var duration: Double?
    package var takenAt: TakenAt?
    /// Degrees (WGS 84), south and west below zero.
    package var latitude: Double?
    package var longitude: Double?
    /// Metres above the sea.
    package var altitude: Double?
    package var cameraMake: String?
    package var cameraModel: String?
    package var lens: String?
    /// What the parts of one Live Photo have in common.
    package var contentIdentifier: String?
    /// 0 to 5; -1 for rejected.
    package var rating: Int?
    package var title: String?
    package var caption: String?
    package var keywords: [String] = []
    /// A picture of some 25 bytes, to show while the thumbnail is on its way.
    package var thumbhash: [UInt8]?
    /// The format is broken.
    ///
    /// The file is kept and synced all the same.
    package var damaged = false

    package init(kind: Kind, mediaType: MediaType) {
        self.kind = kind
        self.mediaType = mediaType
    }
}

extension Facts {
    /// The fields as a record keeps them; what isn't known has none.
    package var fields: Fields {
        var fields: Fields = [
            "kind": .string(kind.rawValue), "mediaType": .string(mediaType.rawValue),
        ]
        for (name, value) in [("width", width), ("height", height), ("orientation", orientation)] {
            if let value { fields[name] = .integer(Int64(value)) }
        }
        if let rating { fields["rating"] = .integer(Int64(rating)) }
        for (name, value) in [
            ("duration", duration), ("latitude", latitude), ("longitude", longitude),
            ("altitude", altitude),
        ] {
            if let value, value.isFinite { fields[name] = .number(value) }
        }
        for (name, value) in [
            ("cameraMake", cameraMake), ("cameraModel", cameraModel), ("lens", lens),
            ("contentIdentifier", contentIdentifier), ("title", title), ("caption", caption),
        ] {
            if let value { fields[name] = .string(value) }
        }
        if let takenAt { fields["takenAt"] = takenAt.value }
        if !keywords.isEmpty { fields["keywords"] = .array(keywords.map(JSONValue.string)) }
        if let thumbhash { fields["thumbhash"] = .string(Hexadecimal.encode(thumbhash)) }
        if damaged { fields["damaged"] = .bool(true) }
        return fields
    }

    /// The whole `facts` record's fields: these, whose bytes they are `of` and the reader's number.
    package func record(of digest: Digest, by reader: Int) -> Fields {
        var fields = self.fields
        fields["of"] = .string(digest.text)
        fields["by"] = .integer(Int64(reader))
        return fields
    }

    /// Reads a record's fields; what is missing, unknown or of another type is left out.
    package init(fields: Fields) {
        let mediaType = MediaType(rawValue: fields["mediaType"]?.string ?? "")
        let kind = fields["kind"]?.string.flatMap(Kind.init(rawValue:))
        self.init(kind: kind ?? (mediaType.isVideo ? .video : .image), mediaType: mediaType)
        width = fields["width"].wholeNumber
        height = fields["height"].wholeNumber
        orientation = fields["orientation"].wholeNumber
        rating = fields["rating"].wholeNumber
        duration = fields["duration"]?.number
        latitude = fields["latitude"]?.number
        longitude = fields["longitude"]?.number
        altitude = fields["altitude"]?.number
        cameraMake = fields["cameraMake"]?.string
        cameraModel = fields["cameraModel"]?.string
        lens = fields["lens"]?.string
        contentIdentifier = fields["contentIdentifier"]?.string
        title = fields["title"]?.string
        caption = fields["caption"]?.string
        takenAt = TakenAt(value: fields["takenAt"])
        keywords = fields["keywords"]?.array?.compactMap(\.string) ?? []
        thumbhash = fields["thumbhash"]?.string.flatMap {
            Hexadecimal.decode($0, byteCount: $0.utf8.count / 2)
        }
        damaged = fields["damaged"]?.bool ?? false
    }
}

extension JSONValue? {
    fileprivate var wholeNumber: Int? { self?.integer.flatMap { Int(exactly: $0) } }
}
