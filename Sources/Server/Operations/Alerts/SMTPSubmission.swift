import Accounts
import NIOCore
import NIOPosix
import NIOSSL
import Records
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Hands one message to a mail server (RFC 5321 and 6409).
///
/// - Nothing that is secret is said before TLS, and what arrived before it is not read after it.
/// - Who is refused as one of several recipients ends the message: the owner is to know.
struct SMTPSubmission: Sendable {
    let way: MailWay
    let secondsMax: Int64

    private var place: String { "\(way.host):\(way.port)" }

    func send(_ message: AlertMessage) async throws(AlertError) {
        let deadline = NIODeadline.now() + .seconds(secondsMax)
        let failures = ChannelFailures()
        do {
            try await converse(message, until: deadline, failures)
        } catch let error as AlertError {
            // A server that hangs is cut off by the deadline, and then looks like one that went.
            guard error.code == .unreachable else { throw error }
            if NIODeadline.now() >= deadline { throw timedOut(error) }
            // What broke the connection, and not how that was noticed.
            throw failures.first.map { AlertError(transport: $0, to: place) } ?? error
        } catch {
            if NIODeadline.now() >= deadline { throw timedOut(error) }
            throw AlertError(transport: failures.first ?? error, to: place)
        }
    }

    private func timedOut(_ cause: any Error) -> AlertError {
        AlertError(.timedOut, "\(place) does not answer in time: is it busy?", cause: cause)
    }

    // MARK: - The connection

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private func converse(
        _ message: AlertMessage, until deadline: NIODeadline, _ failures: ChannelFailures
    ) async throws {
        let tls = try NIOSSLContext(configuration: try TLSConfiguration.alerts(trust: way.trust))
        let isEncrypted = way.security == .tls
        let host = way.host
        let connection = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.seconds(secondsMax))
            .connect(host: host, port: way.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isEncrypted { try Self.encrypt(channel, tls, host, failures) }
                    return try Connection(wrappingChannelSynchronously: channel)
                }
            }
        let end = connection.channel.eventLoop.scheduleTask(deadline: deadline) {
            connection.channel.close(promise: nil)
        }
        defer { end.cancel() }
        try await connection.executeThenClose { inbound, outbound in
            var lines = SMTPReplies(inbound.makeAsyncIterator(), place)
            let talk = Talk(
                outbound: outbound, greeting: Self.greeting(connection.channel.localAddress))
            _ = try await lines.next(expecting: 220, .unavailable, "greet")
            var extensions = try await hello(talk, &lines)
            if way.security == .starttls {
                guard extensions.contains("STARTTLS") else {
                    throw AlertError(
                        .tlsFailed,
                        "\(place) offers no STARTTLS: use --security tls with its port for it.")
                }
                try await talk.say("STARTTLS")
                _ = try await lines.next(expecting: 220, .tlsFailed, "begin TLS")
                guard lines.isEmpty else {
                    throw AlertError(
                        .tlsFailed, "\(place) said more than it may before TLS: somebody meddles.")
                }
                let channel = connection.channel
                try await channel.eventLoop.submit {
                    try Self.encrypt(channel, tls, host, failures)
                }.get()
                extensions = try await hello(talk, &lines)
            }
            try await signIn(talk, extensions, &lines)
            try await submit(message, talk, &lines)
        }
    }

    private static func encrypt(
        _ channel: any Channel, _ context: NIOSSLContext, _ host: String,
        _ failures: ChannelFailures
    ) throws {
        // An address is no name: its certificate is compared with the address itself.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        let handler = try NIOSSLClientHandler(
            context: context, serverHostname: isAddress ? nil : host)
        try channel.pipeline.syncOperations.addHandlers(handler, failures, position: .first)
    }

    /// What a client without a name of its own is called (RFC 5321, section 4.1.3).
    private static func greeting(_ address: SocketAddress?) -> String {
        guard let address, let ip = address.ipAddress else { return "localhost" }
        if case .v6 = address { return "[IPv6:\(ip.prefix { $0 != "%" })]" }
        return "[\(ip)]"
    }

    // MARK: - What is said

    private struct Talk {
        let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        let greeting: String

        func say(_ line: String) async throws {
            try await outbound.write(ByteBuffer(string: line + "\r\n"))
        }
    }

    /// Returns what the server can, in capitals.
    private func hello(
        _ talk: Talk, _ lines: inout SMTPReplies
    ) async throws -> Set<String> {
        try await talk.say("EHLO \(talk.greeting)")
        let reply = try await lines.next(expecting: 250, .unavailable, "take EHLO")
        var extensions: Set<String> = []
        for line in reply.dropFirst() {
            let words = line.uppercased().split(separator: " ")
            guard let first = words.first else { continue }
            extensions.insert(String(first))
            if first == "AUTH" {
                for word in words.dropFirst() { extensions.insert("AUTH \(word)") }
            }
        }
        return extensions
    }

    private func signIn(
        _ talk: Talk, _ extensions: Set<String>, _ lines: inout SMTPReplies
    ) async throws {
        guard let signIn = way.signIn else { return }
        let password = signIn.password.reveal()
        if extensions.contains("AUTH PLAIN") {
            try await talk.say("AUTH PLAIN \(Self.base64("\0\(signIn.user)\0\(password)"))")
        } else if extensions.contains("AUTH LOGIN") {
            try await talk.say("AUTH LOGIN")
            _ = try await lines.next(expecting: 334, .notSignedIn, "let \(signIn.user) in")
            try await talk.say(Self.base64(signIn.user))
            _ = try await lines.next(expecting: 334, .notSignedIn, "let \(signIn.user) in")
            try await talk.say(Self.base64(password))
        } else {
            throw AlertError(
                .notSignedIn,
                "\(place) takes no password (AUTH PLAIN or LOGIN): leave out --user.")
        }
        _ = try await lines.next(expecting: 235, .notSignedIn, "let \(signIn.user) in")
    }

    private static func base64(_ text: String) -> String {
        Data(text.utf8).base64EncodedString()
    }

    private func submit(
        _ message: AlertMessage, _ talk: Talk, _ lines: inout SMTPReplies
    ) async throws {
        try await talk.say("MAIL FROM:<\(way.sender.text)>")
        _ = try await lines.next(expecting: 250, .refused, "take mail from \(way.sender.text)")
        for recipient in way.recipients {
            try await talk.say("RCPT TO:<\(recipient.text)>")
            _ = try await lines.next(expecting: 250, .refused, "take mail for \(recipient.text)")
        }
        try await talk.say("DATA")
        _ = try await lines.next(expecting: 354, .refused, "take the mail")
        let mail = MailMessage(message, from: way.sender, to: way.recipients)
        try await talk.say(mail.text + ".")
        _ = try await lines.next(expecting: 250, .refused, "take the mail")
        // It has it: whatever becomes of the farewell.
        try? await talk.say("QUIT")
    }
}

/// Keeps the first error of a connection's TLS.
///
/// A refused certificate reaches whoever reads or writes in one of several shapes, as the channel
/// happens to close.
private final class ChannelFailures: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let error = Mutex<(any Error)?>(nil)

    var first: (any Error)? { error.withLock { $0 } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A server that only hangs up has not failed at TLS.
        var hangsUp = false
        if case .uncleanShutdown? = error as? NIOSSLError { hangsUp = true }
        if !hangsUp { self.error.withLock { $0 = $0 ?? error } }
        context.fireErrorCaught(error)
    }
}

/// A mail server's answers, one at a time.
private struct SMTPReplies {
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let place: String
    private var buffer = ByteBuffer()

    init(_ inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator, _ place: String) {
        self.inbound = inbound
        self.place = place
    }

    /// Nothing more has arrived.
    var isEmpty: Bool { buffer.readableBytes == 0 }

    /// The lines of the next answer, without its code.
    ///
    /// Throws `code` for another one than `expected`, or `unavailable` when it says “not now”.
    mutating func next(
        expecting expected: Int, _ code: AlertError.Code, _ what: String
    ) async throws -> [String] {
        var texts: [String] = []
        while true {
            let line = try await line()
            guard let number = Int(line.prefix(3)), (200..<600).contains(number),
                texts.count < Limits.smtpLinesPerReplyMax
            else {
                throw AlertError(
                    .unavailable, "\(place) does not speak SMTP: check its port and --security.")
            }
            texts.append(String(line.dropFirst(4)))
            if line.dropFirst(3).first == "-" { continue }
            // A recipient may also be taken for another host to deliver to.
            if number == expected || (expected == 250 && number == 251) { return texts }
            let words = AlertText.line(texts.joined(separator: " "), max: 160)
            throw AlertError(
                (400..<500).contains(number) ? .unavailable : code,
                "\(place) does not \(what); it says: \(number) \(words)")
        }
    }

    private mutating func line() async throws -> String {
        while true {
            let view = buffer.readableBytesView
            if let end = view.firstIndex(of: UInt8(ascii: "\n")) {
                let bytes = view[..<end]
                buffer.moveReaderIndex(forwardBy: bytes.count + 1)
                let isWhole = bytes.last == UInt8(ascii: "\r")
                return String(decoding: isWhole ? bytes.dropLast() : bytes, as: UTF8.self)
            }
            guard buffer.readableBytes <= Limits.smtpLineByteCountMax else {
                throw AlertError(
                    .unavailable, "\(place) does not speak SMTP: check its port and --security.")
            }
            guard var more = try await inbound.next(isolation: #isolation) else {
                throw AlertError(
                    .unreachable, "\(place) ended the connection: check its port and --security.")
            }
            buffer.writeBuffer(&more)
        }
    }
}
