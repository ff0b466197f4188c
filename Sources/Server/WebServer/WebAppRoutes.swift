import HTTPTypes
import Hummingbird
import NIOCore
import NIOPosix
import Records
import WebFiles

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The web page's files at `/` and `/account`, for everybody: what they show comes through the API.
///
/// They are part of the program. For work on them, a folder can be named instead, which is read
/// anew for every request.
struct WebAppRoutes: Sendable {
    private struct File: Sendable {
        let bytes: ByteBuffer
        let compressed: ByteBuffer?
        let tag: String
        let mediaType: String
    }

    private let files: [String: File]
    private let folder: String?

    init(folder: String?) {
        self.folder = folder
        files = Dictionary(
            uniqueKeysWithValues: WebFiles.names.compactMap { name in
                WebFiles.file(name).map { (name, Self.file(name, $0)) }
            })
    }

    func add(to group: RouterGroup<ServerContext>) {
        let resource = Resource(group: group)
        resource.on("/", [(.get, { request, _ in try await respond("index.html", request) })])
        resource.on(
            "/account", [(.get, { request, _ in try await respond("account.html", request) })])
        for name in WebFiles.names {
            let path = RouterPath("/\(name)")
            resource.on(path, [(.get, { request, _ in try await respond(name, request) })])
        }
    }

    private func respond(_ name: String, _ request: Request) async throws -> Response {
        let file = try await find(name)
        var headers: HTTPFields = [
            .contentType: file.mediaType, .eTag: file.tag, .vary: "Accept-Encoding",
            // Asked for again each time, answered 304 unless the program was updated.
            .cacheControl: "no-cache",
        ]
        if request.headers[.ifNoneMatch]?.contains(file.tag) == true {
            return Response(status: .notModified, headers: headers)
        }
        var bytes = file.bytes
        if let compressed = file.compressed, Gzip.isAccepted(request.headers[.acceptEncoding]) {
            headers[.contentEncoding] = "gzip"
            bytes = compressed
        }
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }

    private func find(_ name: String) async throws -> File {
        if let folder {
            let path = folder + "/" + name
            let bytes = try await NIOThreadPool.singleton.runIfActive {
                FileManager.default.contents(atPath: path)
            }
            guard let bytes else { throw APIError.notFound }
            return Self.file(name, Array(bytes))
        }
        guard let file = files[name] else { throw APIError.notFound }
        return file
    }

    private static func file(_ name: String, _ bytes: [UInt8]) -> File {
        let compressed = Gzip.compress(bytes).flatMap { $0.count < bytes.count ? $0 : nil }
        return File(
            bytes: ByteBuffer(bytes: bytes),
            compressed: compressed.map { ByteBuffer(bytes: $0) },
            tag: "\"\(Digest(of: bytes).text.prefix(32))\"", mediaType: mediaType(of: name))
    }

    private static func mediaType(of name: String) -> String {
        switch name.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }
}
