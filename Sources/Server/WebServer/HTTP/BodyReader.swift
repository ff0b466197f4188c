import Hummingbird
import NIOCore
import Records

/// Reads request bodies with a limit that holds while they stream in.
enum BodyReader {
    /// The whole body; throws `bodyTooLarge` past `byteCountMax`.
    static func collect(_ request: Request, byteCountMax: Int) async throws -> ByteBuffer {
        try checkLength(of: request, byteCountMax: Int64(byteCountMax))
        var whole: ByteBuffer?
        for try await var part in RequestParts(request) {
            guard (whole?.readableBytes ?? 0) + part.readableBytes <= byteCountMax else {
                throw APIError.tooLarge("bodyTooLarge", byteCountMax: Int64(byteCountMax))
            }
            if whole == nil { whole = part } else { whole?.writeBuffer(&part) }
        }
        return whole ?? ByteBuffer()
    }

    /// Hands the body over in steps of about 1 MiB; returns how many bytes it had.
    ///
    /// `take` gets one step at a time, in order, while the next is being received; `observe` sees
    /// each before that. Throws `code` past `byteCountMax`; nothing past it has been handed over
    /// then. No step is being taken any more when this returns or throws.
    @discardableResult
    static func forEachStep(
        of request: Request, byteCountMax: Int64, tooLarge code: String,
        observe: (ByteBuffer) -> Void = { _ in },
        take: @escaping @Sendable (ByteBuffer) async throws -> Void
    ) async throws -> Int64 {
        try checkLength(of: request, byteCountMax: byteCountMax, tooLarge: code)
        let step = Limits.streamStepByteCount
        var gathered = ByteBuffer()
        var byteCount: Int64 = 0
        var previous: Task<Void, any Error>?
        do {
            for try await var part in RequestParts(request) {
                byteCount += Int64(part.readableBytes)
                guard byteCount <= byteCountMax else {
                    throw APIError.tooLarge(code, byteCountMax: byteCountMax)
                }
                gathered.writeBuffer(&part)
                guard gathered.readableBytes >= step else { continue }
                let full = gathered
                // A new buffer: clearing the old one would copy it while `full` is in use.
                gathered = ByteBufferAllocator().buffer(capacity: step + (64 << 10))
                observe(full)
                try await previous?.value
                previous = Task { try await take(full) }
            }
            try await previous?.value
        } catch {
            _ = await previous?.result
            throw error
        }
        if gathered.readableBytes > 0 {
            observe(gathered)
            try await take(gathered)
        }
        return byteCount
    }

    /// Refuses by the announced length, before a byte is read.
    static func checkLength(
        of request: Request, byteCountMax: Int64, tooLarge code: String = "bodyTooLarge"
    ) throws {
        guard let text = request.headers[.contentLength] else { return }
        guard let length = Int64(text), length >= 0 else {
            throw APIError.invalid("Content-Length", "Content-Length must be a number.")
        }
        guard length <= byteCountMax else {
            throw APIError.tooLarge(code, byteCountMax: byteCountMax)
        }
    }
}

/// A request's body as it comes in.
///
/// Throws `requestCutOff` where it ends too early: the client or a proxy between broke off, which
/// is no failure of the server's, and what was sent can be sent again (RFC 9110, section 15.5.9).
struct RequestParts: AsyncSequence {
    private let body: RequestBody

    init(_ request: Request) { body = request.body }

    struct AsyncIterator: AsyncIteratorProtocol {
        var parts: RequestBody.AsyncIterator

        mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws -> ByteBuffer? {
            do {
                return try await parts.next(isolation: actor)
            } catch {
                throw APIError(
                    .requestTimeout, "requestCutOff",
                    "The request ended before its body did: send it again.", cause: error)
            }
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(parts: body.makeAsyncIterator()) }
}
