import Library
import Media
package import Records
package import Status
import SyncEngine

/// One element of `martlet photos list --json`; every key is always there.
package struct ListedPhoto: Hashable, Sendable, Encodable {
    package typealias State = ItemState

    package var id: RecordID
    package var name: String
    /// Absolute, of the original on this device.
    package var path: String?
    /// Absolute, of the preview on this device: while the original is not here.
    package var preview: String?
    /// `image`, `video`, `live` or `motion`.
    package var kind: String
    /// RFC 3339; `-00:00` is its way to say that nobody knows the offset.
    package var takenAt: String?
    /// As shown, orientation applied.
    package var width: Int?
    package var height: Int?
    package var duration: Double?
    package var latitude: Double?
    package var longitude: Double?
    package var cameraMake: String?
    package var cameraModel: String?
    package var favorite = false
    package var hidden = false
    /// Milliseconds since 1970.
    package var trashedAt: Timestamp?
    /// Names of albums, sorted.
    package var albums: [String] = []
    /// Of the original.
    package var digest: Digest?
    package var state: State

    init(id: RecordID, name: String, state: State) {
        self.id = id
        self.name = name
        self.state = state
        kind = Facts.Kind.image.rawValue
    }

    mutating func take(_ facts: Facts) {
        kind = facts.kind.rawValue
        takenAt = facts.takenAt?.rfc3339
        (width, height, duration) = (facts.width, facts.height, facts.duration)
        (latitude, longitude) = (facts.latitude, facts.longitude)
        (cameraMake, cameraModel) = (facts.cameraMake, facts.cameraModel)
    }

    mutating func correct(_ time: LocalTime) {
        takenAt = time.text + Self.offset(minutes: time.offsetMinutes)
    }

    private static func offset(minutes: Int?) -> String {
        guard let minutes else { return "-00:00" }
        if minutes == 0 { return "Z" }
        let size = abs(minutes)
        return (minutes < 0 ? "-" : "+") + LocalTime.padded(size / 60, 2) + ":"
            + LocalTime.padded(size % 60, 2)
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, path, preview, kind, takenAt, width, height, duration, latitude, longitude
        case cameraMake, cameraModel, favorite, hidden, trashedAt, albums, digest, state
    }

    /// What isn't known is null, never left out.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(path, forKey: .path)
        try container.encode(preview, forKey: .preview)
        try container.encode(kind, forKey: .kind)
        try container.encode(takenAt, forKey: .takenAt)
        try container.encode(width, forKey: .width)
        try container.encode(height, forKey: .height)
        try container.encode(duration, forKey: .duration)
        try container.encode(latitude, forKey: .latitude)
        try container.encode(longitude, forKey: .longitude)
        try container.encode(cameraMake, forKey: .cameraMake)
        try container.encode(cameraModel, forKey: .cameraModel)
        try container.encode(favorite, forKey: .favorite)
        try container.encode(hidden, forKey: .hidden)
        try container.encode(trashedAt, forKey: .trashedAt)
        try container.encode(albums, forKey: .albums)
        try container.encode(digest, forKey: .digest)
        try container.encode(state, forKey: .state)
    }
}
