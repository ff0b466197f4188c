import Library
import Records

/// What a known field may hold.
///
/// Unknown fields are kept as they are (P11).
struct PhotoFieldRule: Sendable {
    enum Kind: Sendable {
        case text(byteCountMax: Int)
        case bool
        case integer(ClosedRange<Int64>)
        case number(ClosedRange<Double>)
        case texts(countMax: Int, byteCountMax: Int)
        case digest
        case moment
    }

    let name: String
    let kind: Kind

    init(_ name: String, _ kind: Kind) {
        self.name = name
        self.kind = kind
    }
}

extension PhotoFieldRule.Kind {
    func accepts(_ value: JSONValue) -> Bool {
        if value == .null { return true }
        switch self {
        case .text(let byteCountMax):
            return value.string.map { $0.utf8.count <= byteCountMax } ?? false
        case .bool: return value.bool != nil
        case .integer(let range): return value.integer.map(range.contains) ?? false
        case .number(let range): return value.number.map(range.contains) ?? false
        case .texts(let countMax, let byteCountMax):
            guard let values = value.array, values.count <= countMax else { return false }
            return values.allSatisfy { Self.text(byteCountMax: byteCountMax).accepts($0) }
        case .digest: return Digest(field: value) != nil
        case .moment:
            return LocalTime(value) != nil
        }
    }

    /// Ends the sentence “The field … must be …”.
    var description: String {
        switch self {
        case .text(let byteCountMax): "text of at most \(byteCountMax) bytes"
        case .bool: "true or false"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .texts(let countMax, let byteCountMax):
            "a list of at most \(countMax) texts of at most \(byteCountMax) bytes"
        case .digest: "a digest, 64 hexadecimal digits"
        case .moment: "a local time such as {\"text\":\"2019-05-01T12:34:56\"}"
        }
    }
}

enum PhotoFieldRules {
    static func rules(of type: RecordType) -> [PhotoFieldRule] {
        switch type {
        case .asset: asset
        case .facts: facts
        case .rendering: rendering
        case .album, .folder: album
        default: []
        }
    }

    private static let time = PhotoFieldRule.Kind.integer(
        -62_135_596_800_000...253_402_300_799_999)
    private static let longText = PhotoFieldRule.Kind.text(
        byteCountMax: Limits.captionByteCountMax)
    private static let shortText = PhotoFieldRule.Kind.text(
        byteCountMax: Limits.nameByteCountMax * 4)

    private static let asset: [PhotoFieldRule] = [
        PhotoFieldRule("name", .text(byteCountMax: Limits.assetNameByteCountMax)),
        PhotoFieldRule("nameBytes", .text(byteCountMax: Limits.nameByteCountMax * 2)),
        PhotoFieldRule("importedAt", time),
        PhotoFieldRule("fileModifiedAt", time),
        PhotoFieldRule("favorite", .bool),
        PhotoFieldRule("hidden", .bool),
        PhotoFieldRule("title", longText),
        PhotoFieldRule("caption", longText),
        PhotoFieldRule(
            "keywords",
            .texts(
                countMax: Limits.keywordsPerAssetMax, byteCountMax: Limits.nameByteCountMax)),
        PhotoFieldRule("takenAtCorrected", .moment),
        PhotoFieldRule("editedBy", shortText),
        PhotoFieldRule("conflictsWith", .text(byteCountMax: 64)),
        PhotoFieldRule(
            "expects", .texts(countMax: Limits.blobsPerRecordMax, byteCountMax: 64)),
    ]

    private static let facts: [PhotoFieldRule] = [
        PhotoFieldRule("of", .digest),
        PhotoFieldRule("by", .integer(0...1_000_000)),
        PhotoFieldRule("kind", .text(byteCountMax: 32)),
        PhotoFieldRule("mediaType", .text(byteCountMax: 128)),
        PhotoFieldRule("width", .integer(0...10_000_000)),
        PhotoFieldRule("height", .integer(0...10_000_000)),
        PhotoFieldRule("duration", .number(0...1e9)),
        PhotoFieldRule("latitude", .number(-90...90)),
        PhotoFieldRule("longitude", .number(-180...180)),
        PhotoFieldRule("cameraMake", shortText),
        PhotoFieldRule("cameraModel", shortText),
        PhotoFieldRule("thumbhash", .text(byteCountMax: 128)),
        PhotoFieldRule("damaged", .bool),
    ]

    private static let rendering: [PhotoFieldRule] = [
        PhotoFieldRule("of", .digest),
        PhotoFieldRule("by", .integer(0...1_000_000)),
        PhotoFieldRule("problem", .text(byteCountMax: 64)),
    ]

    private static let album: [PhotoFieldRule] = [PhotoFieldRule("name", longText)]
}
