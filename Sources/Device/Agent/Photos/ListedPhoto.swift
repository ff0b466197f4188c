import Library
import Media
package import Records
package import Status
import SyncEngine

/// One element of `martlet photos list --json`; every key is always there.
package struct ListedPhoto: Hashable, Sendable {
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

    /// What isn't known is null, never left out.
    package var json: String {
        func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        func integer(_ value: Int64?) -> JSONValue { value.map { .integer($0) } ?? .null }
        func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }
        return JSONText.encode([
            "id": .string(id.text), "name": .string(name), "path": text(path),
            "preview": text(preview), "kind": .string(kind), "takenAt": text(takenAt),
            "width": integer(width.map(Int64.init)), "height": integer(height.map(Int64.init)),
            "duration": number(duration), "latitude": number(latitude),
            "longitude": number(longitude), "cameraMake": text(cameraMake),
            "cameraModel": text(cameraModel), "favorite": .bool(favorite), "hidden": .bool(hidden),
            "trashedAt": integer(trashedAt?.milliseconds),
            "albums": .array(albums.map { .string($0) }), "digest": text(digest?.text),
            "state": .string(state.rawValue),
        ])
    }
}
