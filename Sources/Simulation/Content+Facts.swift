import Records

// What a reader finds in a picture: nothing that tells it from others, but for those that belong
// together.

/// What one of two files that belong together is.
enum PairPart: UInt64 {
    case still = 1
    case video = 2
    case raw = 3
}

extension Content {
    private static let pairMark: UInt64 = 0xA1B2 << 48

    /// A part of the pair of this number.
    init(_ part: PairPart, ofPair number: UInt64, byteCount: Int64) {
        self.init(
            id: Self.pairMark | (number & 0xFFFF_FFFF) << 8 | part.rawValue, byteCount: byteCount)
    }

    private var pair: (number: UInt64, part: PairPart)? {
        guard id & 0xFFFF << 48 == Self.pairMark, let part = PairPart(rawValue: id & 0xFF) else {
            return nil
        }
        return ((id & 0xFFFF_FFFF_FFFF) >> 8, part)
    }

    /// Its kind, and what a camera wrote into both parts of a pair.
    var facts: Fields {
        guard let pair, damage == 0 else { return ["kind": .string("image")] }
        var facts: Fields = ["kind": .string(pair.part == .video ? "video" : "image")]
        let text = String(pair.number)
        // A RAW has no content identifier, and the video of a Live Photo is known by nothing else.
        if pair.part != .raw { facts["contentIdentifier"] = .string("pair \(text)") }
        if pair.part != .video {
            facts["cameraModel"] = .string("Camera")
            facts["takenAt"] = .object(["text": .string("2026:05:01 10:00:00.\(text)")])
        }
        return facts
    }
}
