package import Records

extension Facts {
    /// Makes facts of what readers found: applies the orientation once, and the order of dates.
    ///
    /// - Parameters:
    ///   - name: the file's original name, which may hold a date.
    ///   - fileTime: when the file was last changed, the last resort for a date.
    package init(_ observed: Observations, name: String, fileTime: Timestamp?) {
        let kind: Kind =
            observed.mediaType.isVideo ? .video : observed.hasFilmInside ? .motion : .image
        self.init(kind: kind, mediaType: observed.mediaType)
        let sides = 1...1_000_000
        if let width = observed.width, let height = observed.height,
            sides.contains(width), sides.contains(height)
        {
            let isTurned = (5...8).contains(observed.orientation ?? 1)
            (self.width, self.height) = isTurned ? (height, width) : (width, height)
        } else if kind != .video || observed.mediaType.isBoxBased || observed.mediaType == .avi {
            damaged = true
        }
        orientation = observed.orientation.flatMap { (1...8).contains($0) ? $0 : nil }
        // An animation's length says nothing about a photo.
        if kind == .video, let seconds = observed.duration, seconds > 0, seconds < 1e7 {
            duration = seconds
        }
        takenAt = Self.takenAt(observed.dates, name: name, fileTime: fileTime)
        latitude = observed.latitude
        longitude = observed.longitude
        altitude = observed.altitude
        cameraMake = observed.cameraMake?.cleaned.nonEmpty
        cameraModel = observed.cameraModel?.cleaned.nonEmpty
        lens = observed.lens?.cleaned.nonEmpty
        contentIdentifier = observed.contentIdentifier?.cleaned.nonEmpty
        rating = observed.rating.flatMap { (-1...5).contains($0) ? $0 : nil }
        title = observed.title?.cleaned.nonEmpty
        caption = observed.caption
        keywords = observed.keywords
    }

    /// The first source in `TakenAt.Source`'s order that has a date.
    static func takenAt(
        _ dates: [TakenAt.Source: DateReading], name: String, fileTime: Timestamp?
    ) -> TakenAt? {
        for source in TakenAt.Source.allCases {
            let reading: DateReading? =
                switch source {
                case .fileName: FileNameDate.read(name)
                case .fileTime: fileTime.flatMap { DateReading(milliseconds: $0.milliseconds) }
                default: dates[source]
                }
            guard var reading else { continue }
            if reading.offsetMinutes == nil, source == .exifOriginal || source == .exifDigitized {
                reading.offsetMinutes = offset(of: reading, fromUTC: dates[.gps])
            }
            return TakenAt(reading, source: source)
        }
        return nil
    }

    /// The offset of a camera's clock, told by the satellites' time of the same picture: the
    /// difference, if it is close to an offset that some zone has.
    private static func offset(of local: DateReading, fromUTC satellite: DateReading?) -> Int? {
        guard let satellite, satellite.offsetMinutes == 0 else { return nil }
        let seconds = local.time.secondsSince1970 - satellite.time.secondsSince1970
        let quarters = (seconds + 450).floorDivided(by: 900)
        let minutes = Int(quarters) * 15
        // A receiver's last fix may be older than the picture, never much newer.
        guard DateReading.offsets.contains(minutes), abs(seconds - quarters * 900) <= 120,
            minutes % 60 == 0 || unevenOffsets.contains(minutes)
        else { return nil }
        return minutes
    }

    /// The offsets of the world's zones that aren't whole hours (IANA's database).
    private static let unevenOffsets: Set<Int> = [
        -570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765,
    ]
}
