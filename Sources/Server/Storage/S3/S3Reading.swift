import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Records

/// Reads an object in steps of 1 MiB, as they are asked for.
///
/// A connection that breaks is begun anew where it broke; the reader does not notice.
struct S3Reading: ObjectReading {
    let client: S3Client
    let name: String
    private var offset: Int64
    /// `nil` until the store has said how large the object is.
    private var end: Int64?
    private var body: HTTPClientResponse.Body.AsyncIterator?
    private var rest = ByteBuffer()
    private var retries: Retries

    /// Without `end` it reads to the object's own.
    init(client: S3Client, name: String, offset: Int64, end: Int64?) {
        self.client = client
        self.name = name
        self.offset = offset
        self.end = end
        retries = Retries(client: client)
    }

    /// Throws `objectNotFound`, or `damaged` when the object is shorter than the range.
    mutating func next() async throws(StorageError) -> ByteBuffer? {
        while true {
            if let end, offset >= end { return nil }
            if let step = takeStep() { return step }
            do throws(S3Failure) {
                try await fill()
            } catch {
                body = nil
                try await retries.wait(after: error, key: name)
            }
        }
    }

    /// The object's size; known once something was read to its end.
    func wholeByteCount() async throws(StorageError) -> Int64 {
        guard let end else { throw StorageError(.failed, "The object's size is not known.") }
        return end
    }

    /// What was read, once it is a whole step or the last one.
    private mutating func takeStep() -> ByteBuffer? {
        guard let end else { return nil }
        let count = Int(min(end - offset, Int64(Limits.streamStepByteCount)))
        guard rest.readableBytes >= count, let step = rest.readSlice(length: count) else {
            return nil
        }
        rest.discardReadBytes()
        offset += Int64(count)
        return step
    }

    private mutating func fill() async throws(S3Failure) {
        guard body != nil else { return try await open() }
        let piece: ByteBuffer?
        do {
            piece = try await body?.next(isolation: #isolation)
        } catch {
            throw S3Failure(transport: error)
        }
        guard var piece else { throw S3Failure(message: "the connection broke") }
        if piece.readableBytes > 0 { retries.progressed() }
        rest.writeBuffer(&piece)
    }

    private mutating func open() async throws(S3Failure) {
        let start = offset + Int64(rest.readableBytes)
        var request = S3Request(method: .GET, key: name)
        if end != nil || start > 0 {
            let last = end.map { "\($0 - 1)" } ?? ""
            request.headers = [("range", "bytes=\(start)-\(last)")]
        }
        let response = try await client.execute(request)
        let status = Int(response.status.code)
        guard status == 206 || (status == 200 && start == 0) else {
            try await refuse(response)
            return
        }
        if status == 206, !Self.begins(response.headers.first(name: "content-range"), at: start) {
            throw S3Failure(message: "an answer is not of the range that was asked for")
        }
        if end == nil {
            guard let count = response.headers.first(name: "content-length"),
                let count = Int64(count), count >= 0
            else { throw S3Failure(message: "an answer does not say its size") }
            end = start + count
        }
        body = response.body.makeAsyncIterator()
    }

    private func refuse(_ response: HTTPClientResponse) async throws(S3Failure) {
        var answer = S3Answer(status: Int(response.status.code), headers: response.headers)
        guard !answer.isSuccess else {
            throw S3Failure(message: "the store takes no notice of ranges")
        }
        if let body = try? await response.body.collect(upTo: Limits.s3AnswerByteCountMax) {
            answer.body = Array(body.readableBytesView)
        }
        throw S3Failure(answer)
    }

    /// Of `bytes 5-9/100`; a store that does not say is believed.
    private static func begins(_ range: String?, at start: Int64) -> Bool {
        guard let range else { return true }
        return range.hasPrefix("bytes \(start)-")
    }
}
