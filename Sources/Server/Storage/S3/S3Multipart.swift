import NIOCore
import NIOHTTP1
import Records

/// A part that the store has, with the tag that it gave it.
struct S3Part: Hashable, Sendable {
    let number: Int
    let tag: String
}

/// An object on its way in, in parts; nothing of it is to be seen until it is complete.
struct S3Multipart: Sendable {
    let client: S3Client
    let name: String
    let id: String

    static func begin(_ name: String, with client: S3Client) async throws(StorageError) -> Self {
        let id = try await client.send(
            S3Request(method: .POST, key: name, query: [("uploads", "")])
        ) { (answer) throws(S3Failure) in try S3Messages.readUploadID(answer) }
        return S3Multipart(client: client, name: name, id: id)
    }

    func put(_ bytes: ByteBuffer, number: Int) async throws(StorageError) -> S3Part {
        var request = S3Request(method: .PUT, key: name, query: query(number))
        request.body = bytes
        let tag = try await client.send(request) { (answer) throws(S3Failure) in
            answer.header("etag")
        }
        return S3Part(number: number, tag: tag)
    }

    /// Lets the store itself copy another object of the bucket.
    func copy(_ source: String, number: Int) async throws(StorageError) -> S3Part {
        var request = S3Request(method: .PUT, key: name, query: query(number))
        let path = S3Text.encode("\(client.place.bucket)/\(source)", keepingSlashes: true)
        request.headers = [("x-amz-copy-source", "/" + path)]
        let tag = try await client.send(request) { (answer) throws(S3Failure) in
            try S3Messages.readCopied(answer)
        }
        return S3Part(number: number, tag: tag)
    }

    /// Makes the object of its parts, in the order of their numbers.
    func complete(_ parts: [S3Part], byteCount: Int64) async throws(StorageError) {
        let list = parts.sorted { $0.number < $1.number }
        let request = S3Request(
            method: .POST, key: name, query: [("uploadId", id)],
            body: ByteBuffer(string: S3Messages.complete(list)))
        do {
            try await client.send(request) { (answer) throws(S3Failure) -> Void? in
                try S3Messages.readDocument(answer).map { _ in () }
            }
        } catch {
            // The answer to an earlier try was lost: then the object is there.
            guard error.s3Code == "NoSuchUpload", try await isThere(byteCount) else { throw error }
        }
    }

    private func isThere(_ byteCount: Int64) async throws(StorageError) -> Bool {
        do {
            return try await client.send(S3Request(method: .HEAD, key: name)) {
                (answer) throws(S3Failure) in
                answer.header("content-length").flatMap { Int64($0) }
            } == byteCount
        } catch {
            guard (error.cause as? S3Failure)?.status == 404 else { throw error }
            return false
        }
    }

    /// Gives it up; the store forgets the parts.
    func abort() async throws(StorageError) {
        do {
            try await client.send(
                S3Request(method: .DELETE, key: name, query: [("uploadId", id)]))
        } catch {
            guard error.s3Code == "NoSuchUpload" else { throw error }
        }
    }

    private func query(_ number: Int) -> [(name: String, value: String)] {
        [("partNumber", String(number)), ("uploadId", id)]
    }

    /// How large the part with this number is, unless it is the last.
    static func byteCount(ofPart number: Int) -> Int {
        number <= Limits.s3PartsOfFirstSize ? Limits.s3PartByteCount : Limits.s3LaterPartByteCount
    }
}
