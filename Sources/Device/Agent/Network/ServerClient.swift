import AsyncHTTPClient
import Library
import NIOCore
import NIOHTTP1
import NIOSSL
package import Records
import Status
package import SyncEngine
import Synchronization
package import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The server's HTTP API, as a device speaks it.
///
/// Every answer is a value or a `RequestFailure`.
package final class ServerClient: Sendable {
    package let address: ServerAddress
    let http: HTTPClient
    private let token: Mutex<BearerToken?>
    private let heard = Mutex<(@Sendable (String) -> Void)?>(nil)
    let now: @Sendable () -> Moment

    /// Close it with `shutdown` when it is no longer used.
    ///
    /// `trusting`: PEM files with authorities of the owner's own, beside those of the system.
    package init(
        address: ServerAddress, token: BearerToken? = nil, trusting files: [String] = [],
        isEventStream: Bool = false,
        now: @escaping @Sendable () -> Moment = Surroundings.machine().now
    ) {
        self.address = address
        self.now = now
        self.token = Mutex(token)
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        // The engine retries, and says why it waits: a refused connection is told at once.
        configuration.connectionPool.retryConnectionEstablishment = false
        let idle =
            isEventStream ? Limits.eventStreamIdleSecondsMax : Limits.replySecondsMax
        configuration.timeout = HTTPClient.Configuration.Timeout(
            connect: .seconds(Limits.connectSecondsMax), read: .seconds(idle))
        if !files.isEmpty {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.additionalTrustRoots = files.map { .file($0) }
            configuration.tlsConfiguration = tls
        }
        http = HTTPClient(
            eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// What later calls sign in with: the device signed in again while this ran.
    package func use(_ token: BearerToken) {
        self.token.withLock { $0 = token }
    }

    /// Calls `body` with the Date of every answer.
    func tellDates(_ body: (@Sendable (String) -> Void)?) { heard.withLock { $0 = body } }

    package func shutdown() async {
        try? await http.shutdown()
    }

    /// One call: a path below the server's address, with what goes along.
    struct Call {
        var method: HTTPMethod = .GET
        var path: String
        var headers: [(String, String)] = []
        var body: HTTPClientRequest.Body?
    }

    /// Sends a call; the answer's body is still to be read.
    ///
    /// Throws for every status but 2xx.
    func send(_ call: Call) async throws(RequestFailure) -> HTTPClientResponse {
        var request = HTTPClientRequest(url: address.text + call.path)
        request.method = call.method
        request.headers.add(name: WireProtocol.header, value: String(WireProtocol.current))
        request.headers.add(name: "User-Agent", value: "Martlet")
        if let token = token.withLock({ $0 }) {
            request.headers.add(name: "Authorization", value: "Bearer \(token.reveal())")
        }
        for (name, value) in call.headers { request.headers.add(name: name, value: value) }
        request.body = call.body
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, deadline: .distantFuture)
        } catch {
            let failure = RequestFailure(transport: error)
            throw await certificateFault(behind: failure).map { .unreachable($0.text) } ?? failure
        }
        if let date = response.headers.first(name: "Date") { heard.withLock { $0 }?(date) }
        guard (200..<300).contains(Int(response.status.code)) else {
            throw await failure(of: response)
        }
        // A network's own sign-in page says yes to everything: no byte is believed to be stored.
        guard response.headers.contains(name: WireProtocol.header) else {
            throw .stranger("a page without Martlet's header")
        }
        return response
    }

    func decoded<Value: Decodable>(
        _ type: Value.Type, _ call: Call
    ) async throws(RequestFailure) -> Value {
        let data = Data(try await bytes(call))
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch {
            throw Self.unknownReply
        }
    }

    /// The answer as text, for what reads it without a general coder.
    func decoded<Value>(
        _ call: Call, _ read: (String) throws(RecordsError) -> Value
    ) async throws(RequestFailure) -> Value {
        let text = String(decoding: try await bytes(call), as: UTF8.self)
        do throws(RecordsError) {
            return try read(text)
        } catch {
            throw Self.unknownReply
        }
    }

    private static let unknownReply = RequestFailure.refused(
        code: "unknownReply",
        message: "The server's answer cannot be read: is it a Martlet of another version?")

    private func bytes(_ call: Call) async throws(RequestFailure) -> [UInt8] {
        var call = call
        call.headers.append(("Accept-Encoding", "gzip"))
        return try await bytes(of: try await send(call))
    }

    func call(
        _ method: HTTPMethod, _ path: String, json value: some Encodable
    ) throws(RequestFailure) -> Call {
        do {
            return call(method, path, jsonBytes: [UInt8](try JSONEncoder().encode(value)))
        } catch {
            throw .refused(code: "internalError", message: "The request cannot be written.")
        }
    }

    func call(_ method: HTTPMethod, _ path: String, jsonBytes bytes: [UInt8]) -> Call {
        Call(
            method: method, path: path, headers: [("Content-Type", "application/json")],
            body: .bytes(ByteBuffer(bytes: bytes)))
    }

    /// The whole body of an answer, unpacked.
    ///
    /// At most `Limits.replyByteCountMax`.
    private func bytes(of response: HTTPClientResponse) async throws(RequestFailure) -> [UInt8] {
        var buffer: ByteBuffer
        do {
            buffer = try await response.body.collect(upTo: Limits.replyByteCountMax)
        } catch {
            throw RequestFailure(transport: error)
        }
        let bytes = buffer.readBytes(length: buffer.readableBytes) ?? []
        guard response.headers.first(name: "Content-Encoding")?.lowercased() == "gzip" else {
            return bytes
        }
        guard let unpacked = Gzip.unpack(bytes, byteCountMax: Limits.replyByteCountMax) else {
            throw .interrupted
        }
        return unpacked
    }

    private func failure(of response: HTTPClientResponse) async -> RequestFailure {
        let data = Data((try? await bytes(of: response)) ?? [])
        return RequestFailure(
            status: Int(response.status.code),
            error: try? JSONDecoder().decode(ErrorReply.self, from: data),
            retryAfterSeconds: response.headers.first(name: "Retry-After").flatMap { Int64($0) })
    }
}

// What people ask for by a command.
extension ServerClient {
    package func identity() async throws(RequestFailure) -> IdentityReply {
        try await decoded(IdentityReply.self, Call(path: API.identity))
    }

    package func signIn(
        _ device: DeviceID, _ request: SessionRequest
    ) async throws(RequestFailure) -> SessionReply {
        try await decoded(
            SessionReply.self, call(.PUT, "\(API.sessions)/\(device.text)", json: request))
    }

    package func signOut(_ device: DeviceID) async throws(RequestFailure) {
        _ = try await send(Call(method: .DELETE, path: "\(API.sessions)/\(device.text)"))
    }

    package func devices() async throws(RequestFailure) -> DevicesReply {
        try await decoded(DevicesReply.self, Call(path: API.devices))
    }

    package func photosProgress() async throws(RequestFailure) -> PhotosProgressReply {
        try await decoded(PhotosProgressReply.self, Call(path: "\(API.prefix)/photos/progress"))
    }
}

extension RequestFailure {
    /// For people: what happened and what to do.
    package var sentence: String {
        switch self {
        case .unreachable(let cause): "The server cannot be reached: \(cause)."
        case .timedOut: "The server did not answer in time: try again."
        case .interrupted: "The connection broke: try again."
        case .signInNeeded: "The server does not accept this sign-in: run martlet login."
        case .appNotAllowed:
            "Photos are switched off for this account: ask who runs the server to switch them on."
        case .changeTokenExpired: "The server was restored: run martlet sync."
        case .retryLater(_, let seconds):
            "The server is busy: try again\(seconds.map { " in \($0) s" } ?? " later")."
        case .maintenance(let until, let message):
            "The server is under maintenance until \(EvidenceText.time(until))"
                + "\(message.map { " (\($0))" } ?? ""): try again then."
        case .accountFull: "The account is full: free some space or raise its quota."
        case .serverStorageFull: "The server's disk is full: tell its owner."
        case .versionTooOld(let message, _): message
        case .fileChanged(let place): "\(place.path.text) changed while it was sent."
        case .fileUnreadable(let place, let error):
            "\(place.path.text) cannot be read: \(error.text)."
        case .digestMismatch: "The bytes that arrived are not those that were asked for: try again."
        case .notFound: "The server does not have it."
        case .disk(let error): "This device's disk refused: \(error.text)."
        case .refused(_, let message): message
        }
    }
}
