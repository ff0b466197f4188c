import Records

/// Takes facts from EXIF: the TIFF directories inside JPEG, PNG, WebP and HEIF, and those that raw
/// and TIFF files are.
///
/// Tag numbers: CIPA DC-008-2019, TIFF 6, XMP part 3 (0x02BC).
enum ExifReader {
    /// Fills `observed` from the TIFF structure at `base`; says whether it was whole.
    static func read(
        _ source: SourceReader, base: Int64 = 0, isWholeFile: Bool = false,
        into observed: inout Observations
    ) throws(MediaError) -> Bool {
        guard var tiff = try TIFFReader(source, base: base) else { return false }
        let first = try tiff.firstDirectory()
        try readFirst(first, &tiff, isWholeFile: isWholeFile, into: &observed)
        if let place = try tiff.integers(first[0x8769]).first {
            let exif = try tiff.directory(at: Int64(place))
            try readExif(exif, tiff, into: &observed)
        }
        if let place = try tiff.integers(first[0x8825]).first {
            let gps = try tiff.directory(at: Int64(place))
            try readGPS(gps, tiff, into: &observed)
        }
        return tiff.isIntact
    }

    private static func readFirst(
        _ entries: [UInt16: TIFFReader.Entry], _ tiff: inout TIFFReader, isWholeFile: Bool,
        into observed: inout Observations
    ) throws(MediaError) {
        if observed.orientation == nil, let value = try tiff.integers(entries[0x0112]).first {
            observed.orientation = value
        }
        keepFirst(&observed.cameraMake, try tiff.text(entries[0x010F]))
        keepFirst(&observed.cameraModel, try tiff.text(entries[0x0110]))
        observed.noteCaption(try tiff.text(entries[0x010E]))
        keepFirst(&observed.rating, try tiff.integers(entries[0x4746]).first)
        keepFirst(&observed.title, try tiff.bytes(entries[0x9C9B]).map(utf16)?.nonEmpty)
        if let words = try tiff.bytes(entries[0x9C9E]).map(utf16) {
            observed.noteKeywords(words.split(separator: ";").map(String.init))
        }
        guard isWholeFile else { return }
        try readSize(entries, &tiff, into: &observed)
        if let packet = try tiff.bytes(entries[0x02BC], limit: Limits.sidecarByteCountMax) {
            XMPReader.read(packet, isSidecar: false, into: &observed)
        }
        if let records = try tiff.bytes(entries[0x83BB], limit: 64 << 10) {
            IPTCReader.read(records, into: &observed)
        }
    }

    /// The size of a raw or TIFF file's picture: the largest full one of its directories.
    private static func readSize(
        _ first: [UInt16: TIFFReader.Entry], _ tiff: inout TIFFReader,
        into observed: inout Observations
    ) throws(MediaError) {
        var candidates = [first]
        for place in try tiff.integers(first[0x014A]) {
            candidates.append(try tiff.directory(at: Int64(place)))
        }
        for entries in candidates {
            let isReduced = (try tiff.integers(entries[0x00FE]).first ?? 0) & 1 == 1
            guard let width = try tiff.integers(entries[0x0100]).first,
                let height = try tiff.integers(entries[0x0101]).first,
                width > 0, height > 0, width < 1 << 20, height < 1 << 20, !isReduced,
                width * height > (observed.width ?? 0) * (observed.height ?? 0)
            else { continue }
            (observed.width, observed.height) = (width, height)
        }
    }

    private static func readExif(
        _ entries: [UInt16: TIFFReader.Entry], _ tiff: TIFFReader,
        into observed: inout Observations
    ) throws(MediaError) {
        observed.note(
            .exifOriginal, try tiff.text(entries[0x9003]), fraction: try tiff.text(entries[0x9291]),
            offset: try tiff.text(entries[0x9011]))
        observed.note(
            .exifDigitized, try tiff.text(entries[0x9004]),
            fraction: try tiff.text(entries[0x9292]), offset: try tiff.text(entries[0x9012]))
        keepFirst(&observed.lens, try tiff.text(entries[0xA434]))
        if let note = entries[0x927C], note.count > 14 {
            try readAppleNote(note, tiff, into: &observed)
        }
    }

    /// Apple's maker note: `Apple iOS`, a version, a byte order, and a directory whose offsets
    /// count from the note's beginning.
    ///
    /// Tag 0x0011 is the content identifier.
    private static func readAppleNote(
        _ note: TIFFReader.Entry, _ tiff: TIFFReader, into observed: inout Observations
    ) throws(MediaError) {
        guard observed.contentIdentifier == nil,
            let bytes = try tiff.bytes(note, limit: 64 << 10),
            bytes.starts(with: "Apple iOS\0"), bytes.starts(with: "MM", at: 12),
            let count: UInt16 = bytes.integer(at: 14)
        else { return }
        for index in 0..<min(Int(count), 200) {
            let place = 16 + index * 12
            guard let tag: UInt16 = bytes.integer(at: place),
                let kind: UInt16 = bytes.integer(at: place + 2),
                let length: UInt32 = bytes.integer(at: place + 4),
                let offset: UInt32 = bytes.integer(at: place + 8)
            else { return }
            guard tag == 0x0011, kind == 2, length > 4, length < 200 else { continue }
            observed.contentIdentifier =
                bytes.piece(at: Int(offset), count: Int(length)).text.nonEmpty
            return
        }
    }

    private static func readGPS(
        _ entries: [UInt16: TIFFReader.Entry], _ tiff: TIFFReader,
        into observed: inout Observations
    ) throws(MediaError) {
        let altitude = try tiff.fractions(entries[6], count: 1)?.first
        let isBelow = try tiff.integers(entries[5]).first == 1
        observed.notePosition(
            latitude: try degrees(entries[2], tiff, reference: entries[1], negative: "S"),
            longitude: try degrees(entries[4], tiff, reference: entries[3], negative: "W"),
            altitude: altitude.map { isBelow ? -$0 : $0 })
        if let date = try tiff.text(entries[0x1D]),
            let clock = try tiff.fractions(entries[7], count: 3), let time = gpsTime(clock)
        {
            observed.noteUTC(.gps, "\(date) \(time)")
        }
    }

    private static func degrees(
        _ entry: TIFFReader.Entry?, _ tiff: TIFFReader, reference: TIFFReader.Entry?,
        negative: Character
    ) throws(MediaError) -> Double? {
        guard let reference = try tiff.text(reference)?.first, let entry else { return nil }
        // Degrees alone are allowed; minutes and seconds without a value count as none.
        guard let whole = try tiff.fractions(entry, count: 1)?.first else { return nil }
        let three = try tiff.fractions(entry, count: 3)
        let two = try tiff.fractions(entry, count: 2)
        let parts = three ?? two ?? [whole]
        var value = parts[0]
        if parts.count > 1 { value += parts[1] / 60 }
        if parts.count > 2 { value += parts[2] / 3600 }
        return reference == negative ? -value : value
    }

    static func gpsTime(_ parts: [Double]) -> String? {
        guard parts.count == 3, parts.allSatisfy({ $0.isFinite && $0 >= 0 && $0 < 1e6 }) else {
            return nil
        }
        let milliseconds = Int(
            (parts[0] * 3_600_000 + parts[1] * 60_000 + parts[2] * 1000).rounded())
        guard milliseconds < 86_400_000 else { return nil }
        let seconds = milliseconds / 1000
        return "\((seconds / 3600).digits(2)):\((seconds / 60 % 60).digits(2))"
            + ":\((seconds % 60).digits(2)).\((milliseconds % 1000).digits(3))"
    }

    private static func utf16(_ bytes: [UInt8]) -> String {
        var units: [UInt16] = []
        for index in stride(from: 0, to: bytes.count - 1, by: 2) {
            let unit = UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8
            if unit == 0 { break }
            units.append(unit)
        }
        return String(decoding: units, as: UTF16.self).cleaned
    }
}

/// Sets what isn't set yet.
private func keepFirst<Value>(_ slot: inout Value?, _ value: Value?) {
    if slot == nil { slot = value }
}
