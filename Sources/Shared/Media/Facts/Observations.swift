import Records

/// What a reader found in a file, before the order of dates and the rules of facts are applied.
///
/// The quick reader fills one, ExifTool another; both become `Facts` in the same way.
package struct Observations: Sendable {
    package var mediaType: MediaType
    /// Pixels as stored.
    package var width: Int?
    package var height: Int?
    /// How the stored pixels are to be turned, as EXIF counts it.
    package var orientation: Int?
    package var duration: Double?
    package var cameraMake: String?
    package var cameraModel: String?
    package var lens: String?
    package var contentIdentifier: String?
    package var latitude: Double?
    package var longitude: Double?
    package var altitude: Double?
    package var rating: Int?
    package var title: String?
    package var caption: String?
    package var keywords: [String] = []
    package var hasFilmInside = false
    /// The format was read without a doubt: nothing was cut off, wrong or passed over.
    package var isComplete = false
    var dates: [TakenAt.Source: DateReading] = [:]

    package init(mediaType: MediaType) { self.mediaType = mediaType }

    /// Notes the date of a source as text of any form that files have; text that is no date is
    /// passed over.
    ///
    /// The first that is noted for a source stays.
    package mutating func note(
        _ source: TakenAt.Source, _ text: String?, fraction: String? = nil, offset: String? = nil
    ) {
        guard dates[source] == nil else { return }
        dates[source] = DateReading(exif: text, fraction: fraction, offset: offset)
    }

    /// Notes a date and time that are in UTC unless the text says otherwise.
    package mutating func noteUTC(_ source: TakenAt.Source, _ text: String?) {
        guard dates[source] == nil, let text, var reading = DateReading(text) else { return }
        reading.offsetMinutes = reading.offsetMinutes ?? 0
        dates[source] = reading
    }

    /// Notes a position; one outside the world, or the 0, 0 of receivers without a fix, is none.
    package mutating func notePosition(latitude: Double?, longitude: Double?, altitude: Double?) {
        guard self.latitude == nil, let latitude, let longitude,
            (-90...90).contains(latitude), (-180...180).contains(longitude),
            latitude != 0 || longitude != 0
        else { return }
        self.latitude = latitude
        self.longitude = longitude
        self.altitude = altitude.flatMap { $0.isFinite ? $0 : nil }
    }

    /// Notes a description; the ones that cameras write into every picture are none.
    package mutating func noteCaption(_ text: String?) {
        guard caption == nil, let text = text?.cleaned.nonEmpty,
            !Self.camerasOwnCaptions.contains(text)
        else { return }
        caption = text
    }

    /// Notes keywords beside those that are known, each once.
    package mutating func noteKeywords(_ words: [String]) {
        for word in words.lazy.map(\.cleaned) where !word.isEmpty && !keywords.contains(word) {
            guard keywords.count < Limits.keywordsMax else { return }
            keywords.append(word)
        }
    }

    /// Fills what isn't known here with what another reader knows.
    package mutating func fill(from other: Observations) {
        if width == nil || height == nil {
            (width, height) = (other.width, other.height)
            orientation = other.orientation ?? orientation
        }
        orientation = orientation ?? other.orientation
        duration = duration ?? other.duration
        cameraMake = cameraMake ?? other.cameraMake
        cameraModel = cameraModel ?? other.cameraModel
        lens = lens ?? other.lens
        contentIdentifier = contentIdentifier ?? other.contentIdentifier
        notePosition(
            latitude: other.latitude, longitude: other.longitude, altitude: other.altitude)
        rating = rating ?? other.rating
        title = title ?? other.title
        caption = caption ?? other.caption
        noteKeywords(other.keywords)
        hasFilmInside = hasFilmInside || other.hasFilmInside
        dates.merge(other.dates) { mine, _ in mine }
    }

    private static let camerasOwnCaptions: Set<String> = [
        "OLYMPUS DIGITAL CAMERA", "SONY DSC", "SAMSUNG", "SAMSUNG DIGITAL CAMERA",
        "MINOLTA DIGITAL CAMERA", "KONICA MINOLTA DIGITAL CAMERA", "DIGITAL CAMERA",
        "KODAK Digital Still Camera", "Exif_JPEG_PICTURE", "DCIM\\100MEDIA", "DCF1.0", "default",
    ]
}
