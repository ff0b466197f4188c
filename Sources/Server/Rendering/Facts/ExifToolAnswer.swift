import Media
import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// ExifTool's JSON about one file, as observations.
struct ExifToolAnswer {
    private let values: Fields

    /// Takes the one object in ExifTool's list; throws `decoderCrashed` for anything else.
    init(json: [UInt8]) throws(RenderingError) {
        // Files hold text in any character set: what isn't UTF-8 is repaired before it is read.
        let text = String(decoding: json, as: UTF8.self)
        guard let list = try? JSONDecoder().decode([JSONValue].self, from: Data(text.utf8)),
            let values = list.first?.object
        else {
            throw RenderingError(
                .decoderCrashed, "ExifTool's answer can't be read; only the plain facts are known.")
        }
        self.values = values
    }

    /// What ExifTool found, of a file whose type is known.
    func observations(mediaType: MediaType) -> Observations {
        var observed = Observations(mediaType: mediaType)
        readPicture(into: &observed)
        readDates(into: &observed)
        readWords(into: &observed)
        observed.notePosition(
            latitude: number("Composite:GPSLatitude"), longitude: number("Composite:GPSLongitude"),
            altitude: number("Composite:GPSAltitude"))
        let isBelow = number("XMP-exif:GPSAltitudeRef") == 1
        observed.notePosition(
            latitude: number("XMP-exif:GPSLatitude"), longitude: number("XMP-exif:GPSLongitude"),
            altitude: number("XMP-exif:GPSAltitude").map { isBelow ? -$0 : $0 })
        return observed
    }

    private func readPicture(into observed: inout Observations) {
        let sides = text("Composite:ImageSize")?.split { $0 == " " || $0 == "x" }.map { Int($0) }
        if let sides, sides.count == 2 { (observed.width, observed.height) = (sides[0], sides[1]) }
        if mediaTypeTurnsByEXIF(observed.mediaType) {
            observed.orientation = number("IFD0:Orientation").flatMap { Int(exactly: $0) }
        } else {
            // Films count their turns to the right, HEIF to the left.
            let turns = observed.mediaType.isVideo ? [0: 1, 90: 6, 180: 3, 270: 8] : Self.leftTurns
            observed.orientation = number(
                "Composite:Rotation", "Track1:Rotation", "QuickTime:Rotation"
            ).flatMap { turns[$0] }
        }
        let names = values.keys.filter { $0.hasSuffix(":Duration") }.sorted()
        observed.duration =
            number("QuickTime:Duration", "Composite:Duration")
            ?? names.lazy.compactMap { number($0) }.first
        // Google writes 1 into each picture that has a film behind it.
        if text("XMP-GCamera:MotionPhoto", "XMP-GCamera:MicroVideo") == "1" {
            observed.hasFilmInside = true
        }
    }

    private static let leftTurns: [Double: Int] = [0: 1, 90: 8, 180: 3, 270: 6]

    private func mediaTypeTurnsByEXIF(_ type: MediaType) -> Bool {
        type.isImage && (!type.isBoxBased || type == .cr3)
    }

    private func readDates(into observed: inout Observations) {
        observed.note(
            .exifOriginal, text("ExifIFD:DateTimeOriginal"),
            fraction: text("ExifIFD:SubSecTimeOriginal"),
            offset: text("ExifIFD:OffsetTimeOriginal"))
        observed.note(
            .exifDigitized, text("ExifIFD:CreateDate"),
            fraction: text("ExifIFD:SubSecTimeDigitized"),
            offset: text("ExifIFD:OffsetTimeDigitized"))
        if let day = text("GPS:GPSDateStamp"), let clock = text("GPS:GPSTimeStamp") {
            observed.noteUTC(.gps, "\(day) \(clock)")
        }
        observed.noteUTC(.gps, text("XMP-exif:GPSDateTime"))
        for name in [
            "Keys:CreationDate", "UserData:ContentCreateDate", "ItemList:ContentCreateDate",
            "UserData:DateTimeOriginal", "H264:DateTimeOriginal", "RIFF:DateTimeOriginal",
            "Matroska:DateTimeOriginal", "ASF:CreationDate",
        ] {
            observed.note(.quickTime, text(name))
        }
        if let created = text("QuickTime:CreateDate"), !created.hasPrefix("1904"),
            !created.hasPrefix("1970:01:01 00:00:00")
        {
            observed.noteUTC(.quickTime, created)
        }
        for name in [
            "XMP-exif:DateTimeOriginal", "XMP-photoshop:DateCreated", "XMP-xmp:CreateDate",
            "XMP-exif:DateTimeDigitized",
        ] {
            observed.note(.xmp, text(name))
        }
        if let day = text("IPTC:DateCreated") {
            observed.note(.iptc, text("IPTC:TimeCreated").map { "\(day) \($0)" } ?? day)
        }
    }

    private func readWords(into observed: inout Observations) {
        observed.cameraMake =
            named("Make") ?? number("H264:Make").flatMap { Self.camcorderMakers[$0] }
        observed.cameraModel = named("Model")
        observed.lens = text("ExifIFD:LensModel", "XMP-aux:Lens")
        observed.contentIdentifier = text(
            "Keys:ContentIdentifier", "Apple:ContentIdentifier", "Apple:MediaGroupUUID")
        observed.rating = number("IFD0:Rating", "XMP-xmp:Rating").flatMap {
            Int(exactly: $0.rounded())
        }
        observed.title = text("IFD0:XPTitle", "XMP-dc:Title", "IPTC:ObjectName", "Keys:Title")
        for name in ["IFD0:ImageDescription", "XMP-dc:Description", "IPTC:Caption-Abstract"] {
            observed.noteCaption(text(name))
        }
        let words = text("IFD0:XPKeywords")?.split(separator: ";").map(String.init) ?? []
        observed.noteKeywords(words + list("XMP-dc:Subject") + list("IPTC:Keywords"))
    }

    /// AVCHD's numbers of makers.
    private static let camcorderMakers: [Double: String] = [
        0x0103: "Panasonic", 0x0108: "Sony", 0x1011: "Canon", 0x1104: "JVC",
    ]

    /// A tag in whichever group has it, the picture's own directories first.
    private func named(_ tag: String) -> String? {
        let names = values.keys.filter { $0.hasSuffix(":\(tag)") }.sorted()
        // Makers' numbers (of AVCHD, say) are no names.
        for name in ["IFD0:\(tag)", "Keys:\(tag)"] + names {
            if case .string(let text)? = values[name], !text.isEmpty { return text }
            if name.hasPrefix("IFD0:"), let text = text(name) { return text }
        }
        return nil
    }

    private func text(_ names: String...) -> String? {
        for name in names {
            switch values[name] {
            case .string(let text) where !text.isEmpty: return text
            case .integer(let value): return String(value)
            case .number(let value): return "\(value)"
            case .array(let entries): return entries.first?.string
            default: continue
            }
        }
        return nil
    }

    private func number(_ names: String...) -> Double? {
        for name in names {
            if let value = values[name]?.number { return value }
        }
        return nil
    }

    private func list(_ name: String) -> [String] {
        switch values[name] {
        case .array(let entries):
            entries.compactMap { $0.string ?? $0.integer.map { String($0) } }
        case .string(let text): [text]
        case .integer(let value): [String(value)]
        default: []
        }
    }
}
