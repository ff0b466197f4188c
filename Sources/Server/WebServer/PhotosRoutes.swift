import HTTPTypes
import Hummingbird
import Kernel
import Library
import Photos
import Records
import Storage
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Everything under `/photos`.
///
/// `?zone=` names the library; without it, it is the account's own.
struct PhotosRoutes {
    let service: PhotosService
    let store: any ObjectStore

    /// `group` is at `/api/v1`, behind the sign-in.
    func add(to group: RouterGroup<ServerContext>) {
        let resource = Resource(group: group)
        resource.on("photos/months", [(.get, months)])
        resource.on("photos/timeline", [(.get, timeline)])
        resource.on("photos/progress", [(.get, progress)])
        resource.on("photos/{asset}", [(.get, picture)])
        resource.on("photos/{asset}/thumbnail", [(.get, thumbnail)])
        resource.on("photos/{asset}/preview", [(.get, preview)])
        resource.on("photos/{asset}/original", [(.get, original)])
    }
}

// MARK: - Lists

extension PhotosRoutes {
    @Sendable private func months(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let (zone, account) = (try request.zone(), try context.actor.account)
        let found = try await answering { try await service.months(in: zone, for: account) }
        return try JSONBody.reply(
            PhotoMonthsReply(
                zone: found.zone,
                months: found.months.map { .init(month: $0.month.text, count: $0.count) }))
    }

    @Sendable private func timeline(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        guard let month = request.query("month").flatMap({ PhotoMonth(parsing: $0) }) else {
            throw APIError.invalid("month", "month is a year and a month, such as 2019-05.")
        }
        let limit = try request.number(
            "limit", in: 1...Limits.timelinePageCountMax, standard: Limits.timelinePageCountMax)
        let offset = try request.number("offset", in: 0...Int(Int32.max), standard: 0)
        let (zone, account) = (try request.zone(), try context.actor.account)
        let pictures = try await answering {
            try await service.pictures(
                of: month, offset: offset, limit: limit, in: zone, for: account)
        }
        return try JSONBody.reply(PhotosReply(assets: pictures.map(PhotoDescription.init)))
    }

    @Sendable private func progress(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let (zone, account) = (try request.zone(), try context.actor.account)
        let progress = try await answering { try await service.progress(in: zone, for: account) }
        return try JSONBody.reply(
            PhotosProgressReply(
                assets: progress.assets, waiting: progress.waiting,
                withoutPreview: progress.withoutPreview, damaged: progress.damaged))
    }

    @Sendable private func picture(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let (zone, account) = (try request.zone(), try context.actor.account)
        let asset: RecordID = try context.identifier("asset")
        let found = try await answering {
            try await service.picture(asset, in: zone, for: account)
        }
        return try JSONBody.reply(
            PhotoReply(
                asset: PhotoDescription(found.picture), digest: found.picture.original,
                fields: found.fields, facts: found.facts))
    }
}

// MARK: - Bytes

extension PhotosRoutes {
    @Sendable private func thumbnail(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try await rendition(.thumbnail, request, context)
    }

    @Sendable private func preview(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try await rendition(.preview, request, context)
    }

    private func rendition(
        _ rendition: PhotosService.Rendition, _ request: Request, _ context: ServerContext
    ) async throws -> Response {
        let (zone, account) = (try request.zone(), try context.actor.account)
        let asset: RecordID = try context.identifier("asset")
        let content = try await answering {
            try await service.rendition(rendition, of: asset, in: zone, for: account)
        }
        var response = try await BlobResponse.make(
            for: request, location: content.location, store: store)
        // Only an address with the digest in it never changes what it means.
        if request.query("digest") != content.location.digest.text {
            response.headers[.cacheControl] = "private, no-cache"
        }
        response.headers[.contentType] = content.mediaType
        response.headers[.contentSecurityPolicy] = SecurityHeaders.sandbox
        return response
    }

    @Sendable private func original(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let (zone, account) = (try request.zone(), try context.actor.account)
        let asset: RecordID = try context.identifier("asset")
        let content = try await answering {
            try await service.original(of: asset, in: zone, for: account)
        }
        var response = try await BlobResponse.make(
            for: request, location: content.location, store: store)
        // An edit gives the asset another original.
        response.headers[.cacheControl] = "private, no-cache"
        let isPicture =
            content.mediaType.hasPrefix("image/") || content.mediaType.hasPrefix("video/")
        response.headers[.contentType] =
            isPicture ? content.mediaType : "application/octet-stream"
        response.headers[.contentDisposition] = ContentDisposition.header(
            name: content.name, isDownload: !isPicture || request.query("download") == "1")
        response.headers[.contentSecurityPolicy] = SecurityHeaders.sandbox
        return response
    }

    /// Says the service's errors as HTTP does.
    private func answering<R>(_ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch let error as PhotosError {
            throw APIError(photos: error)
        }
    }
}

extension APIError {
    fileprivate init(photos error: PhotosError) {
        switch error.code {
        case .zoneNotFound, .assetNotFound, .blobNotFound:
            self.init(.notFound, error.code.rawValue, error.message, cause: error.cause)
        case .analysing, .damagedFile:
            self.init(
                .notFound, "notRendered", error.message, fields: [error.code.rawValue])
        case .storage:
            self.init(error.cause ?? error)
        }
    }
}

extension Request {
    fileprivate func zone() throws -> ZoneID? { try query("zone").map(ZoneID.init(parsing:)) }
}

extension PhotoDescription {
    fileprivate init(_ picture: PhotosService.Picture) {
        self.init(
            id: picture.id, name: picture.name, kind: picture.kind,
            takenAt: picture.shown.rfc3339, mediaType: picture.mediaType,
            byteCount: picture.byteCount)
        width = picture.width
        height = picture.height
        duration = picture.duration
        favorite = picture.isFavorite ? true : nil
        thumbhash = picture.thumbhash.map { Data($0).base64EncodedString() }
        thumbnail = picture.thumbnail
        preview = picture.preview
        problem = picture.problem
    }
}

/// The header that names a file (RFC 6266), safe for any name.
enum ContentDisposition {
    static func header(name: String, isDownload: Bool) -> String {
        let plain = name.unicodeScalars.map { scalar -> Character in
            let isSafe =
                scalar.isASCII && scalar.value >= 32 && !"\"\\%/\u{7F}".contains(Character(scalar))
            return isSafe ? Character(scalar) : "_"
        }
        let encoded = name.utf8.map { byte -> String in
            let isPlain =
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                    UInt8(ascii: "_"):
                    true
                default: false
                }
            return isPlain
                ? String(Character(UnicodeScalar(byte))) : "%" + Hexadecimal.encode([byte])
        }
        return "\(isDownload ? "attachment" : "inline"); filename=\"\(String(plain))\"; "
            + "filename*=UTF-8''\(encoded.joined())"
    }
}
