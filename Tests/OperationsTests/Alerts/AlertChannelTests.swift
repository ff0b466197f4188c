import Accounts
import Kernel
import Operations
import Records
import Storage
import TestSupport
import Testing

/// What may be said of a channel, one past each bound, and what is kept of it.
@Suite struct AlertChannelTests {
    private func code(_ body: () throws -> Void) -> AlertError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? AlertError)?.code
        }
    }

    @Test(arguments: [
        "anna@example.org", "a.b+c@x.example", "o'neil@example.org",
        String(repeating: "a", count: 64) + "@example.org",
    ])
    func `a mail address is taken`(_ text: String) throws {
        #expect(try MailAddress(parsing: text).text == text)
    }

    @Test(arguments: [
        "", "anna", "@example.org", "anna@", "a@b@c", "anna@example.org\r\nRCPT TO:<eve@x>",
        "anna@example.org>", "<anna@example.org", "anna, ben@example.org", "anna@exam ple.org",
        "änna@example.org", "anna@.org", String(repeating: "a", count: 65) + "@example.org",
        "a@" + String(repeating: "b", count: 253),
    ])
    func `what could mean something else to a mail server is refused`(_ text: String) {
        #expect(code { _ = try MailAddress(parsing: text) } == .invalidChannel)
    }

    @Test(arguments: [
        ("https://ntfy.sh/topic", "https://ntfy.sh"),
        ("http://127.0.0.1:8080/a/b?c=d", "http://127.0.0.1:8080"),
        ("https://[::1]:443/x", "https://[::1]:443"),
        ("https://example.org", "https://example.org"),
    ])
    func `an address is taken, and shown without what may be secret`(
        _ text: String, _ origin: String
    ) throws {
        #expect(try AlertURL(parsing: text).origin == origin)
    }

    @Test(arguments: [
        "", "ftp://example.org", "example.org/x", "https://", "https:///x",
        "https://anna:secret@example.org", "https://example.org/a b", "https://example.org:0/",
        "https://example.org:65536/", "https://example.org:x/", "https://example.org/\r\nX: y",
        "https://exämple.org/", "https://example.org/" + String(repeating: "a", count: 2_029),
    ])
    func `another address is refused`(_ text: String) {
        #expect(code { _ = try AlertURL(parsing: text) } == .invalidChannel)
    }

    @Test func `the longest address is taken`() throws {
        _ = try AlertURL(parsing: "https://example.org/" + String(repeating: "a", count: 2_028))
    }

    @Test func `a password is never sent without TLS`() throws {
        let anna = try MailAddress(parsing: "anna@example.org")
        let signIn = MailWay.SignIn(user: "anna", password: Secret("secret"))
        #expect(
            code {
                _ = try MailWay(
                    host: "localhost", port: nil, security: .none, sender: anna,
                    recipients: [anna], signIn: signIn)
            } == .invalidChannel)
        #expect(
            code {
                _ = try MailWay(
                    host: "localhost", port: nil, security: .tls, sender: anna,
                    recipients: [anna],
                    signIn: MailWay.SignIn(user: "anna", password: Secret("a\r\nQUIT")))
            } == .invalidChannel)
    }

    @Test func `receivers, names, topics and secrets have bounds`() throws {
        let anna = try MailAddress(parsing: "anna@example.org")
        for (count, expected) in [
            (0, AlertError.Code.invalidChannel), (20, nil), (21, .invalidChannel),
        ] {
            #expect(
                code {
                    _ = try MailWay(
                        host: "localhost", port: nil, security: .tls, sender: anna,
                        recipients: Array(repeating: anna, count: count), signIn: nil)
                } == expected)
        }
        let url = try AlertURL(parsing: "https://example.org/x")
        for (count, expected) in [
            (15, AlertError.Code.invalidChannel), (16, nil), (1_024, nil), (1_025, .invalidChannel),
        ] {
            let secret = Secret(String(repeating: "s", count: count))
            #expect(code { _ = try WebhookWay(address: url, secret: secret) } == expected)
        }
        let way = AlertChannel.Way.webhook(
            try WebhookWay(address: url, secret: Secret("0123456789abcdef")))
        for (name, expected) in [
            ("", AlertError.Code.invalidChannel), ("a", nil), ("-a", .invalidChannel),
            ("a b", .invalidChannel), (String(repeating: "a", count: 64), nil),
            (String(repeating: "a", count: 65), .invalidChannel),
        ] {
            #expect(code { _ = try AlertChannel(name: name, way: way) } == expected)
        }
        for (path, expected) in [
            ("", AlertError.Code.invalidChannel), ("/", .invalidChannel), ("/topic", nil),
            ("/sub/topic", nil), ("/a.b", .invalidChannel),
        ] {
            #expect(
                code {
                    _ = try NtfyWay(
                        server: try AlertURL(parsing: "https://example.org" + path), token: nil)
                } == expected)
        }
        #expect(
            code { _ = try NtfyWay(server: url, token: Secret("a\r\nX: y")) } == .invalidChannel)
        #expect(
            code {
                _ = try WebhookWay(address: url, secret: Secret("0123456789abcdef"), trust: "x")
            } == .invalidChannel)
    }

    @Test func `ten channels, each name once, and back as they were given`() async throws {
        let world = try AlertWorld()
        for number in 0..<10 { try await world.add("channel\(number)") }
        await #expect(throws: AlertError.self) { try await world.add("channel3") }
        await #expect(throws: AlertError.self) { try await world.add("channel10") }
        try await world.database.write { try AlertChannels.remove("channel3", in: $0) }
        await #expect(throws: AlertError.self) {
            try await world.database.write { try AlertChannels.remove("channel3", in: $0) }
        }
        let anna = try MailAddress(parsing: "anna@example.org")
        let mail = try AlertChannel(
            name: "mail",
            way: .mail(
                try MailWay(
                    host: "mail.example.org", port: nil, security: .tls, sender: anna,
                    recipients: [anna],
                    signIn: MailWay.SignIn(user: "anna", password: Secret("pass word")))))
        try await world.database.write { [clock = world.clock] transaction in
            try AlertChannels.add(mail, at: clock.read(), in: transaction)
        }
        let read = try #require(try await world.channels().first { $0.name == "mail" }?.channel)
        #expect(read.destination == "anna@example.org by mail.example.org:465")
        guard case .mail(let way) = read.way else {
            Issue.record("It is no mail any more.")
            return
        }
        #expect(way.signIn?.password.reveal() == "pass word")
        #expect(way.security == .tls && way.signIn?.user == "anna")
        #expect(!"\(read)".contains("pass word"))
    }
}
