package import Records

/// Where an asset's files lie in a library: `YYYY/MM/NAME.EXT`, ordinary files in plain folders.
package enum LibraryPath {
    /// The folder of the month that the asset is shown under.
    package static func folder(for date: LocalTime) -> RelativePath {
        RelativePath(LocalTime.padded(date.year, 4))
            .appending(Array(LocalTime.padded(date.month, 2).utf8))
    }

    /// The name of one part of an asset.
    ///
    /// Parts other than the original share its stem: `IMG_1.HEIC`, `IMG_1.MOV`; a sidecar is
    /// `IMG_1.HEIC.xmp`. They keep its bytes too where these are no UTF-8, or nobody would know
    /// what they belong to.
    package static func name(
        of role: BlobRole, mediaType: String, asset: AssetFields, number: Int = 1
    ) -> [UInt8] {
        let ending = ending(of: mediaType) ?? "." + role.rawValue
        func part(_ original: [UInt8]) -> [UInt8] {
            switch role {
            case .original: original
            case .sidecar: original + Array(".xmp".utf8)
            default: SidecarName.sidecarPrefix(of: original) + Array(ending.utf8)
            }
        }
        if number == 1, let bytes = asset.nameBytes, isUsable(part(bytes)) { return part(bytes) }
        let name = part(Array((asset.name.isEmpty ? "unnamed" : asset.name).utf8))
        return Array(FileName.numbered(String(decoding: name, as: UTF8.self), number).utf8)
    }

    /// Bytes that Linux takes as they are, though they aren't UTF-8.
    private static func isUsable(_ bytes: [UInt8]) -> Bool {
        !bytes.isEmpty && bytes.count <= Limits.nameByteCountMax && bytes[0] != UInt8(ascii: ".")
            && bytes.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "/") && $0 != 0x7F }
    }

    private static func ending(of mediaType: String) -> String? {
        switch mediaType {
        case "video/quicktime": ".MOV"
        case "video/mp4": ".MP4"
        case "image/jpeg": ".JPG"
        case "image/heic": ".HEIC"
        case "image/png": ".PNG"
        case "image/tiff": ".TIF"
        case "image/x-adobe-dng": ".DNG"
        case "image/x-nikon-nef": ".NEF"
        case "image/x-canon-cr2": ".CR2"
        case "image/x-canon-cr3": ".CR3"
        case "image/x-sony-arw": ".ARW"
        case "application/rdf+xml", "application/xmp+xml": ".xmp"
        default: nil
        }
    }
}
