import Accounts
import Crypto
import Foundation
import Operations
import Records
import TestSupport
import Testing

/// Against a real mail server and receivers by HTTP, on loopback.
@Suite struct AlertSendingTests {
    private let receivers: AlertReceivers
    private let message = AlertMessage(
        server: "home", sentAt: Timestamp(milliseconds: 1_790_000_000_000),
        items: [
            AlertItem(
                code: "deviceSilent", subject: "a", phase: .began,
                message: "The device Küche of anna\r\nBcc: eve@example.org was last heard from.",
                advice: "Start it.", beganAt: Timestamp(milliseconds: 1_789_000_000_000),
                endedAt: nil)
        ])

    init() throws { receivers = try AlertReceivers() }

    private func mail(
        _ security: MailWay.Security, port: String? = nil, password: String? = "ein Paßwort",
        to: [String] = ["anna@example.org", "ben@example.org"], trusts: Bool = true,
        host: String = "localhost"
    ) throws -> AlertChannel {
        let name = port ?? (security == .none ? "plain" : security.rawValue)
        return try AlertChannel(
            name: "mail",
            way: .mail(
                try MailWay(
                    host: host, port: receivers.port(name), security: security,
                    sender: try MailAddress(parsing: "martlet@example.org"),
                    recipients: try to.map { try MailAddress(parsing: $0) },
                    signIn: password.map {
                        MailWay.SignIn(user: "anna", password: Secret($0))
                    }, trust: trusts ? receivers.trust : nil)))
    }

    private func ntfy(_ topic: String, token: String? = nil) throws -> AlertChannel {
        try AlertChannel(
            name: "phone",
            way: .ntfy(
                try NtfyWay(
                    server: try AlertURL(
                        parsing: "http://127.0.0.1:\(receivers.port("http"))/\(topic)"),
                    token: token.map { Secret($0) })))
    }

    private func webhook(
        _ port: String = "http", scheme: String = "http", trusts: Bool = false
    ) throws -> AlertChannel {
        try AlertChannel(
            name: "hook",
            way: .webhook(
                try WebhookWay(
                    address: try AlertURL(
                        parsing: "\(scheme)://localhost:\(receivers.port(port))/hook?key=k1"),
                    secret: Secret("0123456789abcdef"), trust: trusts ? receivers.trust : nil)))
    }

    /// The code that sending fails with; `nil` when it arrives.
    private func failure(
        _ channel: AlertChannel, secondsMax: Int64 = 20
    ) async -> AlertError? {
        do throws(AlertError) {
            try await NetworkAlertSender(secondsMax: secondsMax).send(message, to: channel)
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [MailWay.Security.starttls, .tls, .none])
    func `mail arrives as it was meant, and no text in it becomes a header`(
        _ security: MailWay.Security
    ) async throws {
        let channel = try mail(security, password: security == .none ? nil : "ein Paßwort")
        let failure = await failure(channel)
        #expect(failure == nil, "\(failure?.message ?? "")")
        let taken = try #require(try receivers.taken().first)
        #expect(taken.via == (security == .none ? "plain" : security.rawValue))
        #expect(taken.header("Envelope-From") == ["martlet@example.org"])
        #expect(taken.header("Envelope-To") == ["anna@example.org", "ben@example.org"])
        #expect(taken.header("To") == ["anna@example.org, ben@example.org"])
        #expect(taken.header("Bcc").isEmpty)
        #expect(taken.header("Defects") == ["0"])
        #expect(
            taken.header("Subject") == [
                "Martlet: The device Küche of anna  Bcc: eve@example.org was last heard from."
            ])
        #expect(taken.header("Date") == ["Mon, 21 Sep 2026 14:13:20 +0000"])
        #expect(taken.header("Message-ID") == ["<\(message.id)@example.org>"])
        #expect(taken.header("Auto-Submitted") == ["auto-generated"])
        #expect(taken.body.contains("What to do: Start it."))
        #expect(taken.body.contains("The Martlet server home"))
    }

    @Test func `a wrong password is told with the server's words, and shows none`() async throws {
        for security in [MailWay.Security.starttls, .tls] {
            let failure = try #require(
                await failure(try mail(security, password: "wrong secret")))
            #expect(failure.code == .notSignedIn)
            #expect(failure.message.contains("535"))
            #expect(!failure.message.contains("wrong secret"))
        }
        #expect(try receivers.taken().isEmpty)
    }

    @Test func `a server that nobody vouches for hears no password`() async throws {
        for security in [MailWay.Security.starttls, .tls] {
            #expect(await failure(try mail(security, trusts: false))?.code == .tlsFailed)
        }
        // Its certificate is for this address, and not for another name of it.
        #expect(await failure(try mail(.tls, host: "127.0.0.1")) == nil)
        #expect(await failure(try mail(.starttls, host: "127.0.0.2")) != nil)
    }

    @Test func `TLS that is not there is not done without`() async throws {
        let failure = await failure(try mail(.starttls, port: "plain"))
        #expect(failure?.code == .tlsFailed)
        #expect(try receivers.taken().isEmpty)
    }

    @Test func `nobody, the mute, the slow and the wrong port are told apart`() async throws {
        let nobody = await failure(try mail(.none, port: "nobody", password: nil))
        #expect(nobody?.code == .unreachable, "\(nobody?.message ?? "")")
        let mute = await failure(try mail(.none, port: "mute", password: nil), secondsMax: 2)
        #expect(mute?.code == .timedOut, "\(mute?.message ?? "")")
        let muteTLS = await failure(try mail(.tls, port: "mute"), secondsMax: 2)
        #expect(muteTLS?.code == .timedOut, "\(muteTLS?.message ?? "")")
        try receivers.set(smtp: .slow)
        let slow = await failure(try mail(.none, password: nil), secondsMax: 2)
        #expect(slow?.code == .timedOut, "\(slow?.message ?? "")")
        let wrong = await failure(try mail(.none, port: "https", password: nil), secondsMax: 5)
        #expect(wrong != nil)
    }

    @Test func `not now and never are told apart`() async throws {
        try receivers.set(http: .fail, smtp: .fail)
        let later = await failure(try mail(.none, password: nil))
        #expect(later?.code == .unavailable)
        // Whatever the server says stays one line.
        #expect(later?.message.contains("451 4.3.0 Come again  later") == true)
        #expect(await failure(try webhook())?.code == .unavailable)
        try receivers.set(http: .refuse, smtp: .refuse)
        #expect(await failure(try mail(.none, password: nil))?.code == .refused)
        #expect(await failure(try webhook())?.code == .refused)
        try receivers.set()
        #expect(await failure(try mail(.none, password: nil)) == nil)
        #expect(await failure(try webhook()) == nil)
    }

    @Test func `a webhook can check who sent it, and when`() async throws {
        #expect(await failure(try webhook()) == nil)
        let taken = try #require(try receivers.taken().first)
        let signature = try #require(taken.header("Martlet-Signature").first)
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("1790000000.\(taken.body)".utf8),
            using: SymmetricKey(data: Data("0123456789abcdef".utf8)))
        #expect(signature == "t=1790000000,v1=" + code.map { String(format: "%02x", $0) }.joined())
        #expect(taken.header("Martlet-Delivery") == [message.id])
        struct Body: Decodable {
            struct Alert: Decodable {
                let code: String
                let state: String
                let beganAt: Int64
            }
            let id: String
            let server: String
            let alerts: [Alert]
        }
        let body = try JSONDecoder().decode(Body.self, from: Data(taken.body.utf8))
        #expect(body.id == message.id && body.server == "home")
        #expect(body.alerts.map(\.code) == ["deviceSilent"])
        #expect(body.alerts.map(\.state) == ["began"])
        #expect(body.alerts.map(\.beganAt) == [1_789_000_000_000])
    }

    @Test func `a webhook by TLS is trusted only with its certificate`() async throws {
        #expect(await failure(try webhook("https", scheme: "https"))?.code == .tlsFailed)
        let trusted = await failure(try webhook("https", scheme: "https", trusts: true))
        #expect(trusted == nil, "\(trusted?.message ?? "")")
    }

    @Test func `nobody and the slow by HTTP show no secret of the address`() async throws {
        let nobody = try #require(await failure(try webhook("nobody")))
        #expect(nobody.code == .unreachable, "\(nobody.message)")
        try receivers.set(http: .slow)
        let slow = try #require(await failure(try webhook(), secondsMax: 2))
        #expect(slow.code == .timedOut, "\(slow.message)")
        for failure in [nobody, slow] {
            #expect(!failure.message.contains("k1") && !failure.message.contains("/hook"))
        }
    }

    @Test func `a ntfy topic takes what fits, with its token only where it is locked`()
        async throws
    {
        #expect(await failure(try ntfy("martlet")) == nil)
        let wrong = try #require(await failure(try ntfy("locked", token: "tk_wrong")))
        #expect(wrong.code == .notSignedIn)
        #expect(!wrong.message.contains("tk_wrong") && !wrong.message.contains("locked"))
        #expect(await failure(try ntfy("locked", token: "tk_right")) == nil)
        struct Body: Decodable {
            let topic: String
            let title: String
            let message: String
            let priority: Int
        }
        let bodies = try receivers.taken().map {
            try JSONDecoder().decode(Body.self, from: Data($0.body.utf8))
        }
        #expect(bodies.map(\.topic) == ["martlet", "locked"])
        #expect(bodies.allSatisfy { $0.priority == 4 })
        #expect(bodies.first?.title.hasPrefix("Martlet: The device Küche") == true)
        // Twenty long ones are more than a notification holds.
        let item = AlertItem(
            code: "deviceSilent", subject: "b", phase: .began,
            message: String(repeating: "ü", count: 300), advice: nil,
            beganAt: Timestamp(milliseconds: 0), endedAt: nil)
        try await NetworkAlertSender().send(
            AlertMessage(
                server: "home", sentAt: Timestamp(milliseconds: 0),
                items: Array(repeating: item, count: 20)), to: try ntfy("martlet"))
        #expect(try receivers.taken().count == 3)
    }
}
