import Accounts
import AsyncHTTPClient
import Crypto
import NIOCore
import NIOHTTP1
import NIOSSL
import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sends alerts by SMTP and HTTP; each message has a connection of its own.
package struct NetworkAlertSender: AlertSender {
    private let secondsMax: Int64

    package init(secondsMax: Int64? = nil) {
        self.secondsMax = secondsMax ?? Limits.alertSendSecondsMax
    }

    package func send(
        _ message: AlertMessage, to channel: AlertChannel
    ) async throws(AlertError) {
        switch channel.way {
        case .mail(let way):
            try await SMTPSubmission(way: way, secondsMax: secondsMax).send(message)
        case .ntfy(let way):
            try await post(
                try Self.json(NtfyBody(message, topic: way.topic)), to: way.server.parent,
                shown: way.server.origin,
                headers: way.token.map { [("Authorization", "Bearer \($0.reveal())")] } ?? [],
                trust: way.trust)
        case .webhook(let way):
            let body = try Self.json(WebhookBody(message))
            let signature = WebhookSignature.header(
                body, secret: way.secret.reveal(), at: message.sentAt)
            try await post(
                body, to: way.address.text, shown: way.address.origin,
                headers: [
                    (WebhookSignature.name, signature), ("Martlet-Delivery", message.id),
                ], trust: way.trust)
        }
    }

    private static func json(_ body: some Encodable) throws(AlertError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(body))
        } catch {
            throw AlertError(.refused, "The alert cannot be written as JSON.", cause: error)
        }
    }

    // MARK: - HTTP

    private func post(
        _ body: [UInt8], to address: String, shown: String, headers: [(String, String)],
        trust: String?
    ) async throws(AlertError) {
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: try Self.configuration(trust: trust))
        let result: Result<Void, AlertError>
        do throws(AlertError) {
            try await post(body, to: address, shown: shown, headers: headers, by: client)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        try result.get()
    }

    private func post(
        _ body: [UInt8], to address: String, shown: String, headers: [(String, String)],
        by client: HTTPClient
    ) async throws(AlertError) {
        var request = HTTPClientRequest(url: address)
        request.method = .POST
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.headers.add(name: "Content-Type", value: "application/json")
        request.headers.add(name: "User-Agent", value: "Martlet")
        request.body = .bytes(ByteBuffer(bytes: body))
        let status: Int
        do {
            let response = try await client.execute(request, timeout: .seconds(secondsMax))
            status = Int(response.status.code)
        } catch {
            throw AlertError(transport: error, to: shown)
        }
        switch status {
        case 200..<300: return
        case 401, 403:
            throw AlertError(
                .notSignedIn,
                "\(shown) does not let Martlet in (HTTP \(status)): check the token and address.")
        case 408, 429, 500...:
            throw AlertError(
                .unavailable, "\(shown) cannot take alerts now (HTTP \(status)): see its log.")
        default:
            throw AlertError(
                .refused, "\(shown) refuses alerts (HTTP \(status)): check its address.")
        }
    }

    private static func configuration(
        trust: String?
    ) throws(AlertError) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.httpVersion = .http1Only
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.tlsConfiguration = try TLSConfiguration.alerts(trust: trust)
        return configuration
    }
}

extension TLSConfiguration {
    /// A client's, that trusts the system's certificates and these.
    static func alerts(trust: String?) throws(AlertError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv12
        guard let trust else { return tls }
        do {
            tls.additionalTrustRoots = [
                .certificates(try NIOSSLCertificate.fromPEMBytes(Array(trust.utf8)))
            ]
        } catch {
            throw AlertError(
                .invalidChannel, "The certificates to trust cannot be read.", cause: error)
        }
        return tls
    }
}

extension AlertError {
    /// What it means that there was no answer.
    init(transport error: any Error, to place: String) {
        let text = String(describing: error)
        if text.contains("imeout") || text.contains("deadlineExceeded") {
            self.init(.timedOut, "\(place) does not answer in time: is it busy?", cause: error)
        } else if ["NIOSSL", "BoringSSL", "SSL", "handshake", "TLS"].contains(where: text.contains)
        {
            self.init(
                .tlsFailed,
                "There is no TLS with \(place) that can be trusted: check its certificate, its port "
                    + "and --trust.", cause: error)
        } else {
            self.init(
                .unreachable, "\(place) cannot be reached: check its name and port.",
                cause: error)
        }
    }
}

/// What a ntfy server takes at its root.
private struct NtfyBody: Encodable {
    let topic: String
    let title: String
    let message: String
    let priority: Int
    let tags: [String]

    init(_ message: AlertMessage, topic: String) {
        self.topic = topic
        title = message.subject
        self.message = AlertText.cut(message.text, toByteCount: Limits.ntfyMessageByteCountMax)
        priority = message.isUrgent ? 4 : 3
        tags = [message.isUrgent ? "warning" : "white_check_mark"]
    }
}

/// What a webhook gets (Documentation/operations.md).
private struct WebhookBody: Encodable {
    struct Alert: Encodable {
        let code: String
        let subject: String
        let state: String
        let message: String
        let advice: String?
        let beganAt: Timestamp
        let endedAt: Timestamp?
    }

    let id: String
    let server: String
    let sentAt: Timestamp
    let alerts: [Alert]

    init(_ message: AlertMessage) {
        id = message.id
        server = message.server
        sentAt = message.sentAt
        alerts = message.items.map { item in
            Alert(
                code: item.code, subject: item.subject, state: item.phase.rawValue,
                message: item.message, advice: item.advice, beganAt: item.beganAt,
                endedAt: item.endedAt)
        }
    }
}

/// Proves to a webhook who sent the body, and when.
enum WebhookSignature {
    static let name = "Martlet-Signature"

    /// `t=SECONDS,v1=HEX`: HMAC-SHA256 by the secret of `SECONDS.BODY`.
    static func header(_ body: [UInt8], secret: String, at time: Timestamp) -> String {
        let seconds = "\(time.milliseconds / 1_000)"
        let key = SymmetricKey(data: Array(secret.utf8))
        let code = HMAC<SHA256>.authenticationCode(
            for: Array("\(seconds).".utf8) + body, using: key)
        return "t=\(seconds),v1=\(Hexadecimal.encode(Array(code)))"
    }
}
