import Records

/// Takes facts from a film of ISO 14496-12 or QuickTime: the movie's date and length, the picture's
/// size and turn, and what cameras note in `udta`, `keys` and `ilst`.
struct MovieReader {
    private let boxes: BoxReader
    /// Seconds from 1904, which these formats count from, to 1970.
    private static let epochSeconds: Int64 = 2_082_844_800

    static func read(_ source: SourceReader, into observed: inout Observations) throws(MediaError) {
        let reader = Self(boxes: BoxReader(source))
        for box in try reader.boxes.boxes(from: 0, to: source.byteCount) {
            if box.type == "moov" { try reader.readMovie(box, into: &observed) }
        }
    }

    private func readMovie(_ movie: BoxReader.Box, into observed: inout Observations)
        throws(MediaError)
    {
        var ownDate: DateReading?
        for box in try boxes.boxes(in: movie) {
            switch box.type {
            case "mvhd": ownDate = try readMovieHeader(box, into: &observed)
            case "trak": try readTrack(box, into: &observed)
            case "udta": try readUserData(box, into: &observed)
            case "meta": try readMetadata(box, into: &observed)
            default: break
            }
        }
        // The header's own date is in UTC, so one with an offset says more.
        if observed.dates[.quickTime] == nil { observed.dates[.quickTime] = ownDate }
    }

    private func readMovieHeader(_ box: BoxReader.Box, into observed: inout Observations)
        throws(MediaError) -> DateReading?
    {
        guard let bytes = try boxes.content(of: box, limit: 32), let version = bytes.first else {
            return nil
        }
        var cursor = ByteCursor(bytes, at: 4)
        let wide = version == 1 ? 8 : 4
        guard let created = cursor.number(wide), cursor.number(wide) != nil,
            let scale = cursor.number(4), let length = cursor.number(wide)
        else { return nil }
        // All ones mean that the length isn't known.
        if scale > 0, length != (version == 1 ? .max : 0xFFFF_FFFF) {
            observed.duration = Double(length) / Double(scale)
        }
        return Self.date(created)
    }

    /// 0 is no date, and neither is 1970 itself, which programs write that know none.
    private static func date(_ seconds: UInt64) -> DateReading? {
        guard seconds > 0, seconds < 10_000_000_000 else { return nil }
        let since1970 = Int64(seconds) - epochSeconds
        guard since1970 != 0, let time = LocalTime(secondsSince1970: since1970), time.year > 1904
        else { return nil }
        return DateReading(time: time, offsetMinutes: 0)
    }

    private func readTrack(_ track: BoxReader.Box, into observed: inout Observations)
        throws(MediaError)
    {
        guard observed.width == nil else { return }
        let parts = try boxes.boxes(in: track)
        guard let media = parts.first(where: { $0.type == "mdia" }),
            let handler = try boxes.boxes(in: media).first(where: { $0.type == "hdlr" }),
            let kind = try boxes.content(of: handler, limit: 12), kind.starts(with: "vide", at: 8),
            let header = parts.first(where: { $0.type == "tkhd" }),
            let bytes = try boxes.content(of: header, limit: 104), let version = bytes.first
        else { return }
        // Version 1 has three times of eight bytes in place of four.
        let matrix = version == 1 ? 52 : 40
        guard let width: UInt32 = bytes.integer(at: matrix + 36),
            let height: UInt32 = bytes.integer(at: matrix + 40), width >> 16 > 0, height >> 16 > 0,
            let a: Int32 = bytes.integer(at: matrix), let b: Int32 = bytes.integer(at: matrix + 4),
            let c: Int32 = bytes.integer(at: matrix + 12),
            let d: Int32 = bytes.integer(at: matrix + 16)
        else { return }
        (observed.width, observed.height) = (Int(width >> 16), Int(height >> 16))
        observed.orientation = Self.orientation(a, b, c, d)
    }

    /// The quarter turn of a track's matrix.
    private static func orientation(_ a: Int32, _ b: Int32, _ c: Int32, _ d: Int32) -> Int {
        switch (a.signum(), b.signum(), c.signum(), d.signum()) {
        case (0, 1, -1, 0): 6
        case (-1, 0, 0, -1): 3
        case (0, -1, 1, 0): 8
        default: 1
        }
    }

    // MARK: - What cameras note

    private func readUserData(_ box: BoxReader.Box, into observed: inout Observations)
        throws(MediaError)
    {
        for entry in try boxes.boxes(in: box) {
            if entry.type == "meta" {
                try readMetadata(entry, into: &observed)
                continue
            }
            guard entry.byteCount < 4_096, let bytes = try boxes.content(of: entry, limit: 4_096)
            else { continue }
            if entry.type == "date" {
                // Apple's, in MP4: the text alone.
                note("\u{A9}day", bytes.text, into: &observed)
            } else if entry.type == "loci" {
                readLocation(bytes, into: &observed)
            } else if entry.type.hasPrefix("\u{A9}"), let count: UInt16 = bytes.integer(at: 0) {
                // QuickTime's international text: count, language, bytes.
                note(entry.type, bytes.piece(at: 4, count: Int(count)).text, into: &observed)
            }
        }
    }

    /// 3GPP's place (TS 26.244): a name, a role, then longitude, latitude, altitude in 16.16.
    private func readLocation(_ bytes: [UInt8], into observed: inout Observations) {
        var place = 6
        if bytes.starts(with: [0xFE, 0xFF]) || bytes.piece(at: 6, count: 2) == [0xFE, 0xFF] {
            while let unit: UInt16 = bytes.integer(at: place), unit != 0 { place += 2 }
            place += 2
        } else {
            while place < bytes.count, bytes[place] != 0 { place += 1 }
            place += 1
        }
        let fixed = { (index: Int) -> Double? in
            bytes.integer(Int32.self, at: place + 1 + index * 4).map { Double($0) / 65_536 }
        }
        observed.notePosition(latitude: fixed(1), longitude: fixed(0), altitude: fixed(2))
    }

    private func readMetadata(_ box: BoxReader.Box, into observed: inout Observations)
        throws(MediaError)
    {
        // QuickTime's own begins with boxes, that of ISO 14496-12 with a version.
        let isFull = try boxes.source.integer(UInt32.self, at: box.start) == 0
        let parts = try boxes.boxes(in: box, skipping: isFull ? 4 : 0)
        guard let list = parts.first(where: { $0.type == "ilst" }) else { return }
        var names: [String] = []
        if let table = parts.first(where: { $0.type == "keys" }) { names = try keys(table) }
        for entry in try boxes.boxes(in: list) {
            guard let data = try boxes.boxes(in: entry).first(where: { $0.type == "data" }),
                data.byteCount > 8, data.byteCount < 4_096,
                let bytes = try boxes.content(of: data, limit: 4_096),
                // Type 1 is UTF-8.
                let kind: UInt32 = bytes.integer(at: 0), kind == 1
            else { continue }
            var name = entry.type
            if let index: UInt32 = Array(entry.type.unicodeScalars.map { UInt8($0.value & 255) })
                .integer(at: 0), index >= 1, index <= names.count
            {
                name = names[Int(index) - 1]
            }
            note(name, Array(bytes.dropFirst(8)).text, into: &observed)
        }
    }

    private func keys(_ box: BoxReader.Box) throws(MediaError) -> [String] {
        guard let bytes = try boxes.content(of: box, limit: 64 << 10),
            let count: UInt32 = bytes.integer(at: 4)
        else { return [] }
        var names: [String] = []
        var place = 8
        for _ in 0..<min(count, 1_000) {
            guard let size: UInt32 = bytes.integer(at: place), size >= 8,
                place + Int(size) <= bytes.count
            else { break }
            names.append(bytes.piece(at: place + 8, count: Int(size) - 8).text)
            place += Int(size)
        }
        return names
    }

    private func note(_ name: String, _ text: String, into observed: inout Observations) {
        switch name {
        case "com.apple.quicktime.creationdate", "\u{A9}day":
            // A year alone, as music has it, is no date.
            if let reading = DateReading(text), observed.dates[.quickTime]?.offsetMinutes == nil {
                observed.dates[.quickTime] = reading
            }
        case "com.apple.quicktime.location.ISO6709", "\u{A9}xyz": notePosition(text, &observed)
        case "com.apple.quicktime.content.identifier":
            observed.contentIdentifier = observed.contentIdentifier ?? text.nonEmpty
        case "com.apple.quicktime.make", "\u{A9}mak", "com.android.manufacturer":
            observed.cameraMake = observed.cameraMake ?? text.nonEmpty
        case "com.apple.quicktime.model", "\u{A9}mod", "com.android.model":
            observed.cameraModel = observed.cameraModel ?? text.nonEmpty
        case "com.apple.quicktime.title", "\u{A9}nam":
            observed.title = observed.title ?? text.nonEmpty
        case "com.apple.quicktime.description": observed.noteCaption(text)
        default: break
        }
    }

    /// ISO 6709: `+51.4169-000.0806+012.345/`.
    private func notePosition(_ text: String, _ observed: inout Observations) {
        var parts: [String] = []
        for character in text.prefix(100) {
            if character == "+" || character == "-" {
                parts.append(String(character))
            } else if character.isNumber || character == ".", !parts.isEmpty {
                parts[parts.count - 1].append(character)
            } else {
                break
            }
        }
        let numbers = parts.map { Double($0.hasPrefix("+") ? String($0.dropFirst()) : $0) }
        guard numbers.count >= 2 else { return }
        observed.notePosition(
            latitude: numbers[0], longitude: numbers[1],
            altitude: numbers.count > 2 ? numbers[2] : nil)
    }
}
