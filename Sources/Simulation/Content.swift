import Records

/// The bytes of a file, without the bytes: which picture, how much of it, and what is wrong with it.
package struct Content: Hashable, Sendable {
    static let empty = Content(id: 0, byteCount: 0)

    package let id: UInt64
    package let byteCount: Int64
    /// 0: the picture's own bytes.
    ///
    /// Anything else names one particular damage.
    package let damage: UInt64

    package init(id: UInt64, byteCount: Int64, damage: UInt64 = 0) {
        self.id = byteCount == 0 ? 0 : id
        self.byteCount = byteCount
        self.damage = byteCount == 0 ? 0 : damage
    }

    /// The first bytes of it.
    func prefix(_ count: Int64) -> Content {
        Content(id: id, byteCount: min(count, byteCount), damage: damage)
    }

    func damaged(by damage: UInt64) -> Content {
        Content(id: id, byteCount: byteCount, damage: damage | 1)
    }

    /// As different for different contents as SHA-256 would be.
    var digest: Digest {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Digest.byteCount)
        var state = RandomStream.mix(id ^ 0x6D61_7274_6C65_7431)
        for part in [UInt64(bitPattern: byteCount), damage, 1, 2] {
            state = RandomStream.mix(state ^ part &* 0x9E37_79B9_7F4A_7C15)
            withUnsafeBytes(of: state.bigEndian) { bytes.append(contentsOf: $0) }
        }
        guard let digest = Digest(bytes: bytes) else {
            preconditionFailure("Four words are a digest's 32 bytes.")
        }
        return digest
    }
}

/// What a simulated file is by its name; its content has no bytes to look into.
enum ContentKind {
    case media(String)
    case sidecar
    case other

    init(name: [UInt8]) {
        let text = String(decoding: name, as: UTF8.self).lowercased()
        self =
            if text.hasSuffix(".jpg") {
                .media("image/jpeg")
            } else if text.hasSuffix(".nef") || text.hasSuffix(".raw") {
                .media("image/x-nikon-nef")
            } else if text.hasSuffix(".mov") {
                .media("video/quicktime")
            } else if text.hasSuffix(".xmp") {
                .sidecar
            } else {
                .other
            }
    }
}
