import AsyncHTTPClient
import Crypto
import NIOCore
import NIOHTTP1
import Records

/// One request to a bucket; it may be sent more than once.
struct S3Request: Sendable {
    var method: HTTPMethod
    /// Whole, with the place's prefix; `nil`: the bucket itself.
    var key: String?
    var query: [(name: String, value: String)] = []
    /// Signed with the others; the names in lower case.
    var headers: [(name: String, value: String)] = []
    var body: ByteBuffer?
}

/// A whole answer.
struct S3Answer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: [UInt8] = []

    func header(_ name: String) -> String? { headers.first(name: name) }

    var isSuccess: Bool { (200..<300).contains(status) }
}

/// Signs requests, sends them, and sends them again while that may help.
///
/// - A payload is signed by its own SHA-256, so that the store refuses what was damaged on its way.
/// - What may pass is tried again after a pause that doubles and is drawn at random, or as long
///   as the store asks for.
/// - Redirections are not followed: they mean another region.
final class S3Client: Sendable {
    let place: S3Place
    let surroundings: S3Surroundings
    private let http: HTTPClient

    init(place: S3Place, surroundings: S3Surroundings, http: HTTPClient = .objectStore) {
        self.place = place
        self.surroundings = surroundings
        self.http = http
    }

    /// Sends until there is an answer of success that `read` can read.
    ///
    /// `read` gives `nil` for an answer that is not whole: it is asked for again.
    func send<R>(
        _ request: S3Request, triesMax: Int = Limits.s3TriesMax,
        read: (S3Answer) throws(S3Failure) -> R?
    ) async throws(StorageError) -> R {
        var retries = Retries(client: self, triesMax: triesMax)
        while true {
            let failure: S3Failure
            do throws(S3Failure) {
                let answer = try await answer(to: request)
                guard answer.isSuccess else { throw S3Failure(answer) }
                if let result = try read(answer) { return result }
                failure = S3Failure(message: "an answer cannot be read")
            } catch {
                failure = error
            }
            try await retries.wait(after: failure, key: request.key)
        }
    }

    func send(
        _ request: S3Request, triesMax: Int = Limits.s3TriesMax
    ) async throws(StorageError) {
        try await send(request, triesMax: triesMax) { (_) throws(S3Failure) -> Void? in () }
    }

    private func answer(to request: S3Request) async throws(S3Failure) -> S3Answer {
        let response = try await execute(request)
        do {
            let body = try await response.body.collect(upTo: Limits.s3AnswerByteCountMax)
            return S3Answer(
                status: Int(response.status.code), headers: response.headers,
                body: Array(body.readableBytesView))
        } catch {
            throw S3Failure(transport: error)
        }
    }

    /// Sends once; the answer's body is still to be read.
    func execute(_ request: S3Request) async throws(S3Failure) -> HTTPClientResponse {
        do {
            return try await http.execute(
                signed(request), timeout: .seconds(Limits.s3AnswerSecondsMax))
        } catch {
            throw S3Failure(transport: error)
        }
    }

    private func signed(_ request: S3Request) -> HTTPClientRequest {
        let now = surroundings.now()
        let path = place.path(of: request.key)
        let payloadHash = request.body.map(S3Hash.sha256) ?? S3Hash.ofNothing
        var headers = request.headers
        headers += [
            ("host", place.host), ("x-amz-content-sha256", payloadHash),
            ("x-amz-date", S3Date.basic(now)),
        ]
        if let token = place.credentials.sessionToken {
            headers.append(("x-amz-security-token", token))
        }
        let authorization = S3Signature(credentials: place.credentials, region: place.region)
            .authorization(
                for: S3Signature.Request(
                    method: request.method.rawValue, path: path, query: request.query,
                    headers: headers, payloadHash: payloadHash),
                at: now)
        let query = request.query.isEmpty ? "" : "?" + S3Text.query(request.query)
        var signed = HTTPClientRequest(url: place.address(of: request.key) + query)
        signed.method = request.method
        for header in headers { signed.headers.add(name: header.name, value: header.value) }
        signed.headers.add(name: "authorization", value: authorization)
        signed.headers.add(name: "user-agent", value: "Martlet")
        if let body = request.body { signed.body = .bytes(body) }
        return signed
    }
}

/// How often and after which pauses one piece of work is tried again.
struct Retries {
    let client: S3Client
    let triesMax: Int
    private var tries = 0

    init(client: S3Client, triesMax: Int = Limits.s3TriesMax) {
        self.client = client
        self.triesMax = triesMax
    }

    /// Some of the work was done: the next failure is a first one.
    mutating func progressed() { tries = 0 }

    /// Returns when it is time for the next try; throws what the failure means when there is none.
    mutating func wait(after failure: S3Failure, key: String?) async throws(StorageError) {
        tries += 1
        if Task.isCancelled { throw StorageError(.interrupted, "The request was cancelled.") }
        guard failure.mayPass, tries < triesMax else {
            throw StorageError(failure, at: client.place, key: key)
        }
        do {
            try await client.surroundings.clock.sleep(for: pause(after: failure))
        } catch {
            throw StorageError(.interrupted, "The request was cancelled.", cause: error)
        }
    }

    /// Between half and the whole of a time that doubles: many servers must not come back at once.
    func pause(after failure: S3Failure) -> Duration {
        if let seconds = failure.retryAfterSeconds, seconds > 0 {
            return .seconds(min(seconds, Limits.s3RetryAfterSecondsMax))
        }
        let whole = min(
            Limits.s3RetryMilliseconds << Int64(min(max(tries - 1, 0), 20)),
            Limits.s3RetryMillisecondsMax)
        let chance = Int64(client.surroundings.randomNumber() % UInt64(whole / 2 + 1))
        return .milliseconds(whole / 2 + chance)
    }
}

enum S3Hash {
    /// SHA-256 of no bytes.
    static let ofNothing = Digest(of: [UInt8]()).text

    static func sha256(_ bytes: ByteBuffer) -> String {
        var hasher = Digest.Hasher()
        bytes.withUnsafeReadableBytes { hasher.update($0) }
        return hasher.digest().text
    }

    static func md5(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.MD5.hash(data: bytes)) }
}

extension HTTPClient {
    /// For all object stores of this process.
    ///
    /// Never ends.
    static let objectStore: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit =
            Limits.s3ConnectionsMax
        configuration.timeout = HTTPClient.Configuration.Timeout(
            connect: .seconds(Limits.s3ConnectSecondsMax),
            read: .seconds(Limits.s3IdleSecondsMax), write: .seconds(Limits.s3IdleSecondsMax))
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}
