package import Accounts
import Records

/// Where the owner wants to be told, with what it takes to get there.
package struct AlertChannel: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case mail, ntfy, webhook
    }

    package enum Way: Sendable {
        case mail(MailWay)
        case ntfy(NtfyWay)
        case webhook(WebhookWay)
    }

    package let name: String
    package let way: Way

    /// Throws `invalidChannel` for a name that cannot stand in a command line.
    package init(name: String, way: Way) throws(AlertError) {
        guard (1...Limits.alertChannelNameByteCountMax).contains(name.utf8.count),
            name.utf8.allSatisfy({ AlertText.isNameByte($0) }), name.first != "-"
        else {
            throw AlertError(
                .invalidChannel,
                "A channel's name has 1 to \(Limits.alertChannelNameByteCountMax) letters of a to "
                    + "z, digits, dots and dashes.")
        }
        self.name = name
        self.way = way
    }

    package var kind: Kind {
        switch way {
        case .mail: .mail
        case .ntfy: .ntfy
        case .webhook: .webhook
        }
    }

    /// Where it goes, without any secret.
    package var destination: String {
        switch way {
        case .mail(let mail):
            mail.recipients.map(\.text).joined(separator: ", ")
                + " by \(mail.host):\(mail.port)"
        // A topic, and a webhook's path, may be all the secret there is.
        case .ntfy(let ntfy): ntfy.server.origin
        case .webhook(let webhook): webhook.address.origin
        }
    }
}

/// Mail through a server that takes it for others (SMTP submission, RFC 6409).
package struct MailWay: Sendable {
    package enum Security: String, Sendable, CaseIterable, Codable {
        /// Begins plain and must go over to TLS before anything is said (RFC 3207).
        case starttls
        /// TLS from the first byte (RFC 8314).
        case tls
        /// For a server on this machine; nobody signs in.
        case none

        package var port: Int {
            switch self {
            case .starttls: 587
            case .tls: 465
            case .none: 25
            }
        }
    }

    package struct SignIn: Sendable {
        package let user: String
        package let password: Secret<String>

        package init(user: String, password: Secret<String>) {
            self.user = user
            self.password = password
        }
    }

    package let host: String
    package let port: Int
    package let security: Security
    package let sender: MailAddress
    package let recipients: [MailAddress]
    package let signIn: SignIn?
    /// Certificates to trust besides the system's, PEM.
    package let trust: String?

    /// Throws `invalidChannel`.
    package init(
        host: String, port: Int?, security: Security, sender: MailAddress,
        recipients: [MailAddress], signIn: SignIn?, trust: String? = nil
    ) throws(AlertError) {
        guard AlertText.isHost(host), (1...65_535).contains(port ?? 1) else {
            throw AlertError(
                .invalidChannel, "“\(host)” is no mail server: use HOST or HOST:PORT.")
        }
        guard (1...Limits.alertRecipientsMax).contains(recipients.count) else {
            throw AlertError(
                .invalidChannel, "Mail goes to 1 to \(Limits.alertRecipientsMax) addresses.")
        }
        if let signIn {
            guard security != .none else {
                throw AlertError(
                    .invalidChannel,
                    "A password is not sent without TLS: use --security starttls or tls.")
            }
            guard AlertText.isSecret(signIn.user), AlertText.isSecret(signIn.password.reveal())
            else {
                throw AlertError(
                    .invalidChannel,
                    "A user's name and password have 1 to \(Limits.alertSecretByteCountMax) bytes "
                        + "without control characters.")
            }
        }
        self.host = host
        self.port = port ?? security.port
        self.security = security
        self.sender = sender
        self.recipients = recipients
        self.signIn = signIn
        self.trust = try AlertText.trust(trust)
    }
}

/// A topic of a ntfy server.
package struct NtfyWay: Sendable {
    package let server: AlertURL
    package let token: Secret<String>?
    package let trust: String?

    /// Throws `invalidChannel` for an address without a topic.
    package init(
        server: AlertURL, token: Secret<String>?, trust: String? = nil
    ) throws(AlertError) {
        guard let topic = server.lastPart, (1...64).contains(topic.utf8.count),
            topic.utf8.allSatisfy({ AlertText.isNameByte($0) && $0 != UInt8(ascii: ".") })
        else {
            throw AlertError(
                .invalidChannel,
                "A ntfy address ends with its topic, such as https://ntfy.example.org/martlet.")
        }
        if let token, !AlertText.isHeaderSecret(token.reveal()) {
            throw AlertError(.invalidChannel, "A ntfy token has letters, digits and “_” only.")
        }
        self.server = server
        self.token = token
        self.trust = try AlertText.trust(trust)
    }

    var topic: String { server.lastPart ?? "" }
}

/// A program of the owner's that takes alerts by HTTP.
package struct WebhookWay: Sendable {
    package let address: AlertURL
    /// Signs what is sent.
    package let secret: Secret<String>
    package let trust: String?

    /// Throws `invalidChannel`.
    package init(
        address: AlertURL, secret: Secret<String>, trust: String? = nil
    ) throws(AlertError) {
        let count = secret.reveal().utf8.count
        guard (Self.secretByteCountMin...Limits.alertSecretByteCountMax).contains(count) else {
            throw AlertError(
                .invalidChannel,
                "A webhook's secret has \(Self.secretByteCountMin) to "
                    + "\(Limits.alertSecretByteCountMax) bytes.")
        }
        self.address = address
        self.secret = secret
        self.trust = try AlertText.trust(trust)
    }

    static let secretByteCountMin = 16
}

/// An address that mail can be sent to: validated here, and safe in a header and in SMTP.
package struct MailAddress: Hashable, Sendable {
    package let text: String

    /// Throws `invalidChannel` for all but `name@domain` in ASCII.
    package init(parsing text: String) throws(AlertError) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, text.utf8.count <= Limits.alertAddressByteCountMax,
            (1...64).contains(parts[0].utf8.count), parts[0].utf8.allSatisfy(Self.isLocalByte),
            AlertText.isHost(String(parts[1]))
        else {
            throw AlertError(
                .invalidChannel, "“\(text)” is no mail address: use one like anna@example.org.")
        }
        self.text = text
    }

    /// What RFC 5322 lets stand unquoted.
    private static func isLocalByte(_ byte: UInt8) -> Bool {
        AlertText.isLetterOrDigit(byte) || "!#$%&'*+-/=?^_`{|}~.".utf8.contains(byte)
    }
}

/// An address by HTTP: validated here.
package struct AlertURL: Hashable, Sendable {
    package let text: String
    /// Scheme, host and port, without what may be secret.
    package let origin: String
    /// What its path ends with; `nil` without a path.
    let lastPart: String?
    /// Without its path's last part.
    let parent: String

    /// Throws `invalidChannel` for all but `http://` and `https://` addresses in ASCII without a
    /// password in them.
    package init(parsing text: String) throws(AlertError) {
        let scheme = ["https://", "http://"].first { text.lowercased().hasPrefix($0) }
        guard let scheme, text.utf8.count <= Limits.alertURLByteCountMax,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"\"<>\\^`{|}#".utf8.contains($0) }
            )
        else { throw Self.invalid(text) }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let (host, port) = AlertText.hostAndPort(String(authority))
        guard !authority.contains("@"), let host, AlertText.isHost(host),
            port.map({ (1...65_535).contains($0) }) ?? true
        else { throw Self.invalid(text) }
        self.text = text
        origin = scheme + authority
        let path = rest.dropFirst(authority.count).prefix { $0 != "?" }
        let parts = path.split(separator: "/")
        lastPart = parts.last.map(String.init)
        parent =
            ([scheme + authority] + parts.dropLast().map(String.init)).joined(separator: "/") + "/"
    }

    /// `HOST`, `HOST:PORT`, with brackets around an address of the sixth version; the port is 0 where
    /// it is none, and the host empty where there is none.
    package static func hostAndPort(_ text: String) -> (host: String, port: Int?) {
        let (host, port) = AlertText.hostAndPort(text)
        return (host ?? "", port)
    }

    private static func invalid(_ text: String) -> AlertError {
        AlertError(
            .invalidChannel,
            "“\(text)” is no address: use one like https://example.org/path, without a password "
                + "in it.")
    }
}
