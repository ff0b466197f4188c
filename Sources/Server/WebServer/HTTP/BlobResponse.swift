import HTTPTypes
package import Hummingbird
package import Kernel
import Records
package import Storage

/// The bytes of an object as an answer: ranges, conditions, HEAD (RFC 9110, sections 13 and 14).
package enum BlobResponse {
    /// Answers 200, 206, 304 or 416.
    ///
    /// The beginning is read first: throws `objectNotFound` when the bytes are gone or fewer than
    /// they were, so that this blob is lost and not the connection.
    ///
    /// The caller adds the media type. The bytes never change under their digest, so they may be
    /// kept for ever by who may see them.
    package static func make(
        for request: Request, location: ObjectLocation, store: any ObjectStore
    ) async throws(StorageError) -> Response {
        let tag = "\"\(location.digest.text)\""
        let headers: HTTPFields = [
            .eTag: tag, .acceptRanges: "bytes",
            .cacheControl: "private, max-age=31536000, immutable",
        ]
        if matches(request.headers[.ifNoneMatch], tag) {
            return Response(status: .notModified, headers: headers)
        }
        // A Range counts only for the bytes that the client has the beginning of.
        let isSame = request.headers[.ifRange].map { $0 == tag } ?? true
        let range = isSame ? request.headers[.range] : nil
        switch ByteRange(range, byteCount: location.byteCount) {
        case .whole:
            return try await body(
                .ok, headers, 0..<location.byteCount, location, store, isHead(request))
        case .part(let part):
            var headers = headers
            headers[.contentRange] =
                "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(location.byteCount)"
            return try await body(
                .partialContent, headers, part, location, store, isHead(request))
        case .unsatisfiable:
            var headers = headers
            headers[.contentRange] = "bytes */\(location.byteCount)"
            headers[.contentType] = JSONBody.mediaType
            return Response(
                status: .rangeNotSatisfiable, headers: headers, body: unsatisfiable)
        }
    }

    private static let unsatisfiable = ResponseBody(
        byteBuffer: ByteBuffer(
            string: """
                {"code":"rangeNotSatisfiable","fields":["Range"],\
                "message":"The blob ends before the range: ask for its size."}
                """))

    private static func isHead(_ request: Request) -> Bool { request.method == .head }

    private static func body(
        _ status: HTTPResponse.Status, _ headers: HTTPFields, _ range: Range<Int64>,
        _ location: ObjectLocation, _ store: any ObjectStore, _ isHead: Bool
    ) async throws(StorageError) -> Response {
        var headers = headers
        headers[.contentLength] = String(range.count)
        guard !isHead else { return Response(status: status, headers: headers) }
        let end = min(range.upperBound, range.lowerBound + Int64(Limits.streamStepByteCount))
        let first = try await beginning(store.read(location.key, range.lowerBound..<end))
        return Response(
            status: status, headers: headers,
            body: ResponseBody(contentLength: range.count) { writer in
                if let first { try await writer.write(first) }
                if end < range.upperBound {
                    for try await step in store.read(location.key, end..<range.upperBound) {
                        try await writer.write(step)
                    }
                }
                try await writer.finish(nil)
            })
    }

    private static func beginning(
        _ bytes: ObjectBytes
    ) async throws(StorageError) -> ByteBuffer? {
        var reading = bytes.makeAsyncIterator()
        do throws(StorageError) {
            return try await reading.next()
        } catch {
            guard error.code == .damaged else { throw error }
            throw StorageError(.objectNotFound, error.message)
        }
    }

    private static func matches(_ header: String?, _ tag: String) -> Bool {
        guard let header else { return false }
        return header.split(separator: ",").contains { entry in
            let entry = entry.drop { $0 == " " }
            let strong = entry.hasPrefix("W/") ? entry.dropFirst(2) : entry
            return strong == tag || strong == "*"
        }
    }
}
