import Kernel
import HTTPTypes
import Hummingbird
import Records
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `/uploads`: tus 1.0 with creation, checksum, expiration and termination.
///
/// The client makes the id: `POST /uploads/{upload}`, or `POST /uploads` with an `id` in
/// Upload-Metadata. Announcing the same again answers 200 with the offset so far.
struct UploadsRoutes {
    let service: UploadsService
    let randomID: @Sendable () -> UploadID

    private static let extensions = "creation,checksum,expiration,termination"
    private static let partMediaType = "application/offset+octet-stream"

    func add(to group: RouterGroup<ServerContext>) {
        let resource = Resource(group: group)
        resource.on("uploads", [(.options, options), (.post, create)])
        resource.on(
            "uploads/{upload}",
            [
                (.options, options), (.post, create), (.head, progress), (.patch, append),
                (.delete, remove),
            ])
    }

    @Sendable private func options(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        Response(
            status: .noContent,
            headers: [
                .tusResumable: API.tusVersion, .tusVersion: API.tusVersion,
                .tusExtension: Self.extensions,
                .tusMaxSize: String(Limits.blobByteCountMax),
                .tusChecksumAlgorithm: PartChecksum.algorithms,
            ])
    }

    @Sendable private func create(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try Self.checkVersion(of: request)
        guard let text = request.headers[.uploadLength], let byteCount = Int64(text),
            (1...Limits.blobByteCountMax).contains(byteCount)
        else {
            throw APIError.invalid(
                "Upload-Length",
                "Upload-Length is a number of bytes from 1 to \(Limits.blobByteCountMax).")
        }
        let metadata = request.headers[.uploadMetadata] ?? ""
        let named = try Self.identifier(in: metadata)
        let id =
            try context.parameters.get("upload").map(UploadID.init(parsing:)) ?? named
            ?? randomID()
        let progress = try await service.create(
            id, byteCount: byteCount, digest: try Self.digest(of: request), metadata: metadata,
            for: try context.actor.account)
        var response = Self.response(progress.offset == 0 ? .created : .ok, progress)
        response.headers[.location] = "\(API.uploads)/\(id.text)"
        return response
    }

    @Sendable private func progress(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try Self.checkVersion(of: request)
        let progress = try await service.progress(
            of: try context.identifier("upload"), for: try context.actor.account)
        return Self.response(.ok, progress)
    }

    @Sendable private func append(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try Self.checkVersion(of: request)
        guard request.headers[.contentType] == Self.partMediaType else {
            throw APIError(
                .unsupportedMediaType, "unsupportedMediaType",
                "A part's Content-Type is \(Self.partMediaType).", fields: ["Content-Type"])
        }
        guard let offset = request.headers[.uploadOffset].flatMap({ Int64($0) }), offset >= 0
        else {
            throw APIError.invalid("Upload-Offset", "Upload-Offset is a number of bytes.")
        }
        let part = UploadsService.Part(
            offset: offset, digest: try Self.digest(of: request),
            checksum: try request.headers[.uploadChecksum].map(PartChecksum.init(parsing:)))
        let progress = try await service.append(
            part, to: try context.identifier("upload"), from: request,
            for: try context.actor.account)
        return Self.response(.noContent, progress)
    }

    @Sendable private func remove(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try Self.checkVersion(of: request)
        try await service.remove(
            try context.identifier("upload"), for: try context.actor.account)
        return Response(status: .noContent, headers: [.tusResumable: API.tusVersion])
    }

    // MARK: - Headers

    private static func response(
        _ status: HTTPResponse.Status, _ progress: UploadsService.Progress
    ) -> Response {
        var headers: HTTPFields = [
            .tusResumable: API.tusVersion, .uploadOffset: String(progress.offset),
            .uploadLength: String(progress.byteCount), .cacheControl: "no-store",
        ]
        if let expires = progress.expiresAt {
            headers[.uploadExpires] = HTTPDate.text(of: expires)
        }
        return Response(status: status, headers: headers)
    }

    private static func checkVersion(of request: Request) throws {
        guard let version = request.headers[.tusResumable], version != API.tusVersion else {
            return
        }
        throw APIError(
            .preconditionFailed, "unsupportedTusVersion",
            "This server speaks tus \(API.tusVersion).", fields: ["Tus-Resumable"])
    }

    private static func digest(of request: Request) throws -> Digest? {
        try request.headers[.martletDigest].map(Digest.init(parsing:))
    }

    /// The `id` of Upload-Metadata: names and base64 values, separated by commas.
    private static func identifier(in metadata: String) throws -> UploadID? {
        for pair in metadata.split(separator: ",") {
            let sides = pair.split(separator: " ")
            guard sides.count == 2, sides[0] == "id" else { continue }
            guard let bytes = Data(base64Encoded: String(sides[1])) else { break }
            return try UploadID(parsing: String(decoding: bytes, as: UTF8.self))
        }
        return nil
    }
}
