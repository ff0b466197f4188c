/// A media type of RFC 6838, as photos and videos have them: `image/jpeg`.
///
/// Types of camera makers that nobody registered have the names that programs use for them.
package struct MediaType: RawRepresentable, Hashable, Sendable, Codable {
    package let rawValue: String

    package init(rawValue: String) { self.rawValue = rawValue }

    package static let jpeg = Self(rawValue: "image/jpeg")
    package static let png = Self(rawValue: "image/png")
    package static let gif = Self(rawValue: "image/gif")
    package static let webp = Self(rawValue: "image/webp")
    package static let heic = Self(rawValue: "image/heic")
    package static let heif = Self(rawValue: "image/heif")
    package static let avif = Self(rawValue: "image/avif")
    package static let tiff = Self(rawValue: "image/tiff")
    package static let bmp = Self(rawValue: "image/bmp")
    package static let jxl = Self(rawValue: "image/jxl")
    package static let cr2 = Self(rawValue: "image/x-canon-cr2")
    package static let cr3 = Self(rawValue: "image/x-canon-cr3")
    package static let fujifilmRaw = Self(rawValue: "image/x-fuji-raf")
    package static let panasonicRaw = Self(rawValue: "image/x-panasonic-rw2")
    package static let olympusRaw = Self(rawValue: "image/x-olympus-orf")

    package static let mp4 = Self(rawValue: "video/mp4")
    package static let quickTime = Self(rawValue: "video/quicktime")
    package static let m4v = Self(rawValue: "video/x-m4v")
    package static let threeGP = Self(rawValue: "video/3gpp")
    package static let avi = Self(rawValue: "video/x-msvideo")
    package static let mpegTransport = Self(rawValue: "video/mp2t")
    package static let matroska = Self(rawValue: "video/x-matroska")
    package static let webm = Self(rawValue: "video/webm")
    package static let mpeg = Self(rawValue: "video/mpeg")
    package static let windowsMedia = Self(rawValue: "video/x-ms-wmv")

    package static let xmp = Self(rawValue: "application/rdf+xml")

    package var isVideo: Bool { rawValue.hasPrefix("video/") }
    package var isImage: Bool { rawValue.hasPrefix("image/") }

    /// A camera's own raw format.
    package var isRaw: Bool { Self.rawTypes.contains(self) }

    /// The boxes of ISO 14496-12: HEIF, QuickTime, MP4.
    package var isBoxBased: Bool {
        switch self {
        case .heic, .heif, .avif, .cr3, .mp4, .quickTime, .m4v, .threeGP: true
        default: false
        }
    }

    var isTIFFBased: Bool {
        self == .tiff || isRaw && self != .cr3 && self != .fujifilmRaw
    }

    var content: MediaContent {
        if self == .xmp { return .sidecar }
        return isVideo ? .video(self) : .image(self)
    }

    /// The type that a lower-case file extension stands for; `nil` when it stands for none.
    package static func named(by fileExtension: String) -> Self? { byExtension[fileExtension] }

    /// The extension that files of this type usually have; empty for a type that isn't known.
    package var fileExtension: String { Self.usualExtension[self] ?? "" }

    private static let rawExtensions: [String: Self] = [
        "nef": Self(rawValue: "image/x-nikon-nef"), "nrw": Self(rawValue: "image/x-nikon-nrw"),
        "cr2": .cr2, "cr3": .cr3, "crw": Self(rawValue: "image/x-canon-crw"),
        "arw": Self(rawValue: "image/x-sony-arw"), "sr2": Self(rawValue: "image/x-sony-sr2"),
        "srf": Self(rawValue: "image/x-sony-srf"), "dng": Self(rawValue: "image/x-adobe-dng"),
        "rw2": .panasonicRaw, "raw": Self(rawValue: "image/x-panasonic-raw"),
        "orf": .olympusRaw, "raf": .fujifilmRaw,
        "pef": Self(rawValue: "image/x-pentax-pef"), "srw": Self(rawValue: "image/x-samsung-srw"),
        "rwl": Self(rawValue: "image/x-leica-rwl"), "3fr": Self(rawValue: "image/x-hasselblad-3fr"),
        "fff": Self(rawValue: "image/x-hasselblad-fff"),
        "iiq": Self(rawValue: "image/x-phaseone-iiq"), "dcr": Self(rawValue: "image/x-kodak-dcr"),
        "kdc": Self(rawValue: "image/x-kodak-kdc"), "erf": Self(rawValue: "image/x-epson-erf"),
        "mrw": Self(rawValue: "image/x-minolta-mrw"), "x3f": Self(rawValue: "image/x-sigma-x3f"),
        "gpr": Self(rawValue: "image/x-gopro-gpr"),
    ]

    private static let commonExtensions: [String: Self] = [
        "jpg": .jpeg, "jpeg": .jpeg, "jpe": .jpeg, "jfif": .jpeg, "mpo": .jpeg, "insp": .jpeg,
        "png": .png, "apng": .png, "gif": .gif, "webp": .webp, "heic": .heic, "heics": .heic,
        "hif": .heic, "heif": .heif, "heifs": .heif, "avif": .avif, "avifs": .avif,
        "tif": .tiff, "tiff": .tiff, "bmp": .bmp, "dib": .bmp, "jxl": .jxl,
        "mov": .quickTime, "qt": .quickTime, "mp4": .mp4, "insv": .mp4, "lrv": .mp4, "m4v": .m4v,
        "3gp": .threeGP, "3g2": .threeGP, "3gpp": .threeGP, "avi": .avi, "divx": .avi,
        "mts": .mpegTransport, "m2ts": .mpegTransport, "m2t": .mpegTransport,
        "mkv": .matroska, "webm": .webm, "mpg": .mpeg, "mpeg": .mpeg, "mpe": .mpeg, "vob": .mpeg,
        "mod": .mpeg, "wmv": .windowsMedia, "asf": .windowsMedia, "xmp": .xmp,
    ]

    private static let byExtension = commonExtensions.merging(rawExtensions) { first, _ in first }
    private static let rawTypes = Set(rawExtensions.values)
    private static let usualExtension: [Self: String] = {
        var result = Dictionary(rawExtensions.map { ($1, $0) }) { min($0, $1) }
        let usual: [Self: String] = [
            .jpeg: "jpg", .png: "png", .gif: "gif", .webp: "webp", .heic: "heic", .heif: "heif",
            .avif: "avif", .tiff: "tif", .bmp: "bmp", .jxl: "jxl", .mp4: "mp4", .quickTime: "mov",
            .m4v: "m4v", .threeGP: "3gp", .avi: "avi", .mpegTransport: "mts", .matroska: "mkv",
            .webm: "webm", .mpeg: "mpg", .windowsMedia: "wmv", .xmp: "xmp",
        ]
        result.merge(usual) { _, second in second }
        return result
    }()
}
