import Library
import Media
import Records
import Storage

/// Where a picture is shown.
package enum PhotoSection: Int64, Sendable, CaseIterable {
    case timeline = 0
    case hidden = 1
    case trash = 2
    /// Kept and synced, but nothing to look at: a lone sidecar.
    case notAPicture = 3
}

/// One row of `photoAsset`: what the three records of a picture say, and what follows from them.
///
/// The parts arrive in any order, each in a change of its own; everything derived is a function of
/// the parts, so that a rebuild gives the same row.
struct PhotoRow: Hashable {
    let zone: ZoneID
    let id: RecordID
    var asset: AssetPart?
    var facts: FactsPart?
    var rendering: RenderingPart?

    var isEmpty: Bool { asset == nil && facts == nil && rendering == nil }
}

// MARK: - What follows

extension PhotoRow {
    private var original: Digest? { asset?.original?.digest }

    /// `nil` without an asset.
    var section: PhotoSection? {
        guard let asset else { return nil }
        guard isPicture else { return .notAPicture }
        if asset.isTrashed { return .trash }
        return asset.isHidden ? .hidden : .timeline
    }

    /// In the place of a reader's number; above all of them, so that no reader finds it.
    private static let nothingToDo: Int64 = 1_000_000

    private var isPicture: Bool {
        guard let type = asset?.original?.mediaType else { return false }
        return type.hasPrefix("image/") || type.hasPrefix("video/")
    }

    /// Facts of other bytes than the original's don't count.
    var validFacts: FactsPart? {
        guard let facts, let original, facts.of == original else { return nil }
        return facts
    }

    private var validRendering: RenderingPart? {
        guard let rendering, let original, rendering.of == original else { return nil }
        return rendering
    }

    /// The date shown: corrected, else facts', else file time, else import.
    var shown: LocalTime? {
        guard let asset else { return nil }
        return asset.corrected ?? validFacts?.takenAt
            ?? LocalTime(utc: Timestamp(milliseconds: asset.fileModifiedAt ?? asset.importedAt))
    }

    /// The reader whose facts count; 0 for none.
    ///
    /// Facts from before the sidecar came are shown, but must be read again.
    var readBy: Int64 {
        guard isPicture else { return Self.nothingToDo }
        guard let facts = validFacts else { return 0 }
        let isOutdated = facts.by >= Int64(Facts.fullReader) && facts.sidecar != asset?.sidecar
        return isOutdated ? 0 : facts.by
    }

    /// The renderer that made the thumbnail, or found that there can be none; 0 for none.
    var thumbnailBy: Int64 {
        guard isPicture else { return Self.nothingToDo }
        guard let made = validRendering, made.thumbnail != nil || made.problem != nil else {
            return 0
        }
        return made.by
    }

    var previewBy: Int64 {
        guard isPicture else { return Self.nothingToDo }
        guard let made = validRendering, made.preview != nil || made.problem != nil else {
            return 0
        }
        return made.by
    }

    var kind: String {
        if let kind = validFacts?.kind { return kind }
        return asset?.original?.mediaType.hasPrefix("video/") == true ? "video" : "image"
    }

    /// Pictures of the file before it was replaced are not shown.
    var thumbnail: Digest? { validRendering?.thumbnail }
    var preview: Digest? { validRendering?.preview }
    var problem: String? { validRendering?.problem }
}

// MARK: - In the database

extension PhotoRow {
    static let columns = """
        zone, id, name, original, mediaType, byteCount, sidecar, importedAt, fileModifiedAt,
        correctedText, correctedOffset, isFavorite, isHidden, isTrashed, factsOf, factsBy,
        factsSidecar, kind, width, height, duration, takenText, takenOffset, thumbhash, renderingOf,
        renderingBy, thumbnail, preview, problem, section, month, instant, readBy, thumbnailBy,
        previewBy
        """

    init(zone: ZoneID, id: RecordID) {
        self.zone = zone
        self.id = id
    }

    /// Reads the columns in the order of `columns`, from `first` on.
    init(_ row: SQLRow) {
        zone = row.identifier(0)
        id = row.identifier(1)
        asset = AssetPart(row)
        facts = FactsPart(row)
        rendering = RenderingPart(row)
    }

    var values: [SQLValue] {
        [SQLValue(zone), SQLValue(id)] + assetValues + factsValues + renderingValues
            + derivedValues
    }

    private var assetValues: [SQLValue] {
        [
            SQLValue(asset?.name), SQLValue(asset?.original?.digest),
            SQLValue(asset?.original?.mediaType), SQLValue(asset?.original?.byteCount),
            SQLValue(asset?.sidecar), SQLValue(asset?.importedAt),
            SQLValue(asset?.fileModifiedAt), SQLValue(asset?.corrected?.text),
            SQLValue(asset?.corrected?.offsetMinutes.map(Int64.init)),
            SQLValue(asset?.isFavorite ?? false), SQLValue(asset?.isHidden ?? false),
            SQLValue(asset?.isTrashed ?? false),
        ]
    }

    private var factsValues: [SQLValue] {
        [
            SQLValue(facts?.of), SQLValue(facts?.by), SQLValue(facts?.sidecar),
            SQLValue(facts?.kind), SQLValue(facts?.width), SQLValue(facts?.height),
            SQLValue(facts?.duration), SQLValue(facts?.takenAt?.text),
            SQLValue(facts?.takenAt?.offsetMinutes.map(Int64.init)),
            SQLValue(facts?.thumbhash),
        ]
    }

    private var renderingValues: [SQLValue] {
        [
            SQLValue(rendering?.of), SQLValue(rendering?.by), SQLValue(rendering?.thumbnail),
            SQLValue(rendering?.preview), SQLValue(rendering?.problem),
        ]
    }

    private var derivedValues: [SQLValue] {
        let shown = shown
        return [
            SQLValue(section?.rawValue), SQLValue(shown.map { Int64($0.photoMonth.number) }),
            SQLValue(shown?.instant), .integer(readBy), .integer(thumbnailBy),
            .integer(previewBy),
        ]
    }
}

extension AssetPart {
    fileprivate init?(_ row: SQLRow) {
        guard let name = row.optionalText(2) else { return nil }
        self.name = name
        original = row.optionalDigest(3).map {
            BlobReference(digest: $0, byteCount: row.integer(5), mediaType: row.text(4))
        }
        sidecar = row.optionalDigest(6)
        importedAt = row.integer(7)
        fileModifiedAt = row.optionalInteger(8)
        corrected = LocalTime(row, 9)
        isFavorite = row.bool(11)
        isHidden = row.bool(12)
        isTrashed = row.bool(13)
    }
}

extension FactsPart {
    fileprivate init?(_ row: SQLRow) {
        guard let by = row.optionalInteger(15) else { return nil }
        self.by = by
        of = row.optionalDigest(14)
        sidecar = row.optionalDigest(16)
        kind = row.optionalText(17)
        width = row.optionalInteger(18)
        height = row.optionalInteger(19)
        duration = row.optionalReal(20)
        takenAt = LocalTime(row, 21)
        thumbhash = row.optionalBlob(23)
    }
}

extension RenderingPart {
    fileprivate init?(_ row: SQLRow) {
        guard let by = row.optionalInteger(25) else { return nil }
        self.by = by
        of = row.optionalDigest(24)
        thumbnail = row.optionalDigest(26)
        preview = row.optionalDigest(27)
        problem = row.optionalText(28)
    }
}

extension LocalTime {
    /// From two columns: the text and the offset.
    fileprivate init?(_ row: SQLRow, _ column: Int) {
        guard let text = row.optionalText(column) else { return nil }
        self.init(text: text, offsetMinutes: row.optionalInteger(column + 1).map(Int.init))
    }
}
