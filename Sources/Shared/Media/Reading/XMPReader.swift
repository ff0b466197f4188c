/// Takes facts from an XMP packet (XMP part 2), of a sidecar or from within a file.
package enum XMPReader {
    /// Fills `observed`.
    ///
    /// A sidecar is what a person last said: its values replace those within the file, and its date
    /// those of the embedded packet.
    package static func read(_ packet: [UInt8], isSidecar: Bool, into observed: inout Observations)
    {
        let packet = XMPScanner(packet)
        if isSidecar {
            if let rating = packet.first("xmp:Rating").flatMap(rating) { observed.rating = rating }
            if let title = packet.first("dc:title") { observed.title = title }
            if let caption = packet.first("dc:description") {
                observed.caption = nil
                observed.noteCaption(caption)
            }
            if let words = packet.values["dc:subject"] {
                observed.keywords = []
                observed.noteKeywords(words)
            }
            if let latitude = degrees(packet.first("exif:GPSLatitude")),
                let longitude = degrees(packet.first("exif:GPSLongitude"))
            {
                observed.latitude = nil
                observed.notePosition(
                    latitude: latitude, longitude: longitude, altitude: altitude(packet))
            }
            if let date = date(packet) { observed.dates[.xmp] = date }
            return
        }
        observed.rating = observed.rating ?? packet.first("xmp:Rating").flatMap(rating)
        observed.title = observed.title ?? packet.first("dc:title")
        observed.noteCaption(packet.first("dc:description"))
        observed.noteKeywords(packet.values["dc:subject"] ?? [])
        observed.cameraMake = observed.cameraMake ?? packet.first("tiff:Make")
        observed.cameraModel = observed.cameraModel ?? packet.first("tiff:Model")
        observed.lens = observed.lens ?? packet.first("aux:Lens")
        observed.notePosition(
            latitude: degrees(packet.first("exif:GPSLatitude")),
            longitude: degrees(packet.first("exif:GPSLongitude")), altitude: altitude(packet))
        if observed.dates[.xmp] == nil, let date = date(packet) { observed.dates[.xmp] = date }
        // XMP's GPSTimeStamp holds date and time; ExifTool and later programs say GPSDateTime.
        if observed.dates[.gps] == nil {
            observed.noteUTC(.gps, packet.first("exif:GPSTimeStamp", "exif:GPSDateTime"))
        }
        if packet.first("GCamera:MotionPhoto", "GCamera:MicroVideo") == "1" {
            observed.hasFilmInside = true
        }
    }

    private static func date(_ packet: XMPScanner) -> DateReading? {
        for name in [
            "exif:DateTimeOriginal", "photoshop:DateCreated", "xmp:CreateDate",
            "exif:DateTimeDigitized",
        ] {
            if let date = packet.first(name).flatMap({ DateReading($0) }) { return date }
        }
        return nil
    }

    /// Some programs write ratings as fractions: `3.0`.
    private static func rating(_ text: String) -> Int? {
        Double(text).flatMap { Int(exactly: $0.rounded()) }
    }

    /// `39,6.9N` or `39,6,54N`, as XMP writes it, or plain degrees.
    static func degrees(_ text: String?) -> Double? {
        guard let text, let last = text.last else { return nil }
        if let value = Double(text) { return value }
        guard "NSEW".contains(last) else { return nil }
        let parts = text.dropLast().split(separator: ",", maxSplits: 2).map { Double($0) }
        guard let whole = parts.first ?? nil, !parts.contains(nil) else { return nil }
        var value = whole
        if parts.count > 1 { value += (parts[1] ?? 0) / 60 }
        if parts.count > 2 { value += (parts[2] ?? 0) / 3600 }
        return last == "S" || last == "W" ? -value : value
    }

    private static func altitude(_ packet: XMPScanner) -> Double? {
        guard let text = packet.first("exif:GPSAltitude") else { return nil }
        let parts = text.split(separator: "/").map { Double($0) }
        guard let above = parts.first ?? nil else { return nil }
        let below = parts.count > 1 ? parts[1] ?? 0 : 1
        guard below != 0 else { return nil }
        return packet.first("exif:GPSAltitudeRef") == "1" ? -above / below : above / below
    }
}
