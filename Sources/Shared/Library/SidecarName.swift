/// Which picture a sidecar belongs to, by their names: `NAME.EXT.xmp` to `NAME.EXT`, `NAME.xmp` to
/// a picture `NAME.*` beside it, a RAW before others.
package enum SidecarName {
    private static let ending = Array(".xmp".utf8)
    private static let rawEndings: [[UInt8]] = [
        "nef", "cr2", "cr3", "arw", "dng", "rw2", "orf", "raf", "pef", "srw", "nrw", "crw", "raw",
        "3fr", "iiq", "sr2", "rwl", "gpr",
    ].map { Array($0.utf8) }

    /// What is left of a sidecar's name without `.xmp`; `nil` when it isn't one's.
    package static func stem(of name: [UInt8]) -> [UInt8]? {
        guard name.count > ending.count,
            lowercased(name.suffix(ending.count)) == ending
        else { return nil }
        return Array(name.dropLast(ending.count))
    }

    /// Names of pictures that `sidecar` can belong to all begin with these bytes.
    package static func ownerPrefix(of sidecar: [UInt8]) -> [UInt8]? { stem(of: sidecar) }

    /// Names of sidecars that can belong to `picture` all begin with these bytes.
    package static func sidecarPrefix(of picture: [UInt8]) -> [UInt8] {
        guard let dot = picture.lastIndex(of: UInt8(ascii: ".")), dot > 0 else { return picture }
        return Array(picture[..<dot])
    }

    /// Chooses the picture that `sidecar` belongs to from those in its folder whose names begin
    /// with `ownerPrefix`; `nil` when none fits.
    package static func owner(of sidecar: [UInt8], among pictures: [[UInt8]]) -> [UInt8]? {
        guard let stem = stem(of: sidecar) else { return nil }
        if pictures.contains(stem) { return stem }
        let fitting = pictures.filter { picture in
            picture.count > stem.count && picture.starts(with: stem)
                && picture[stem.count] == UInt8(ascii: ".")
                && !picture[(stem.count + 1)...].contains(UInt8(ascii: "."))
                && Self.stem(of: picture) == nil
        }
        return fitting.min { left, right in
            let (leftIsRaw, rightIsRaw) = (isRaw(left), isRaw(right))
            guard leftIsRaw == rightIsRaw else { return leftIsRaw }
            return left.lexicographicallyPrecedes(right)
        }
    }

    /// Whether a name is a RAW file's.
    package static func isRaw(_ name: [UInt8]) -> Bool {
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")) else { return false }
        return rawEndings.contains(lowercased(name[(dot + 1)...]))
    }

    private static func lowercased(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 + 32 : $0 }
    }
}
