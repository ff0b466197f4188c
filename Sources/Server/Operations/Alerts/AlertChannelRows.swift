import Accounts
package import Kernel
package import Records
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// How a channel does.
package struct AlertChannelState: Sendable {
    package let name: String
    /// `nil` for a row that this version cannot read.
    package let channel: AlertChannel?
    package let sentAt: Timestamp?
    package let failingSince: Timestamp?
    /// Of the last try, when it failed.
    package let error: String?
    let attempts: Int
    let nextTryAt: Timestamp
}

/// The channels that the owner has set up, as rows.
package enum AlertChannels {
    /// Throws `AlertError` `channelExists` and `tooManyChannels`.
    package static func add(
        _ channel: AlertChannel, at now: Timestamp, in transaction: any Transaction
    ) throws {
        let names = try transaction.all("SELECT name FROM alertChannel").map { $0.text(0) }
        guard !names.contains(channel.name) else {
            throw AlertError(
                .channelExists,
                "There is a channel \(channel.name): choose another name, or remove it before.")
        }
        guard names.count < Limits.alertChannelsMax else {
            throw AlertError(
                .tooManyChannels,
                "There are \(Limits.alertChannelsMax) channels: remove one before.")
        }
        try transaction.change(
            """
            INSERT INTO alertChannel (name, kind, settings, addedAt, attempts, nextTryAt)
            VALUES (?, ?, ?, ?, 0, ?)
            """,
            [
                .text(channel.name), .text(channel.kind.rawValue),
                .text(try AlertSettings(channel.way).text()), SQLValue(now), SQLValue(now),
            ])
    }

    /// Throws `AlertError` `channelNotFound`.
    package static func remove(_ name: String, in transaction: any Transaction) throws {
        guard
            try transaction.change("DELETE FROM alertChannel WHERE name = ?", [.text(name)]) > 0
        else {
            throw AlertError(
                .channelNotFound, "There is no channel \(name): see martlet alerts list.")
        }
        try transaction.change("DELETE FROM alertTold WHERE channel = ?", [.text(name)])
    }

    /// By name.
    package static func all(
        in transaction: any Transaction
    ) throws(KernelError) -> [AlertChannelState] {
        try transaction.all(
            """
            SELECT name, kind, settings, sentAt, failingSince, error, attempts, nextTryAt
            FROM alertChannel ORDER BY name
            """
        ).map { row in
            AlertChannelState(
                name: row.text(0),
                channel: AlertSettings.channel(row.text(0), kind: row.text(1), row.text(2)),
                sentAt: row.optionalTimestamp(3), failingSince: row.optionalTimestamp(4),
                error: row.optionalText(5), attempts: row.int(6), nextTryAt: row.timestamp(7))
        }
    }

    /// A message went through.
    static func succeeded(
        _ name: String, at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            UPDATE alertChannel SET sentAt = ?, attempts = 0, nextTryAt = ?, failingSince = NULL,
                error = NULL
            WHERE name = ?
            """, [SQLValue(now), SQLValue(now), .text(name)])
    }

    /// A person has seen that it works: it is no longer failing, and what waits goes at once.
    package static func tested(
        _ name: String, at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            UPDATE alertChannel SET attempts = 0, nextTryAt = ?, failingSince = NULL, error = NULL
            WHERE name = ?
            """, [SQLValue(now), .text(name)])
    }

    static func failed(
        _ channel: AlertChannelState, _ error: AlertError, at now: Timestamp, nextTryAt: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            """
            UPDATE alertChannel SET attempts = attempts + 1, nextTryAt = ?,
                failingSince = COALESCE(failingSince, ?), error = ?
            WHERE name = ?
            """,
            [
                SQLValue(nextTryAt), SQLValue(now),
                .text(AlertText.line(error.message, max: Limits.alertErrorCharactersMax)),
                .text(channel.name),
            ])
    }
}

/// A channel's row in JSON; what another kind does not have is absent.
private struct AlertSettings: Codable {
    var host: String?
    var port: Int?
    var security: String?
    var sender: String?
    var recipients: [String]?
    var user: String?
    var address: String?
    /// The password, the token or what signs.
    var secret: String?
    var trust: String?

    init(_ way: AlertChannel.Way) {
        switch way {
        case .mail(let mail):
            host = mail.host
            port = mail.port
            security = mail.security.rawValue
            sender = mail.sender.text
            recipients = mail.recipients.map(\.text)
            user = mail.signIn?.user
            secret = mail.signIn?.password.reveal()
            trust = mail.trust
        case .ntfy(let ntfy):
            address = ntfy.server.text
            secret = ntfy.token?.reveal()
            trust = ntfy.trust
        case .webhook(let webhook):
            address = webhook.address.text
            secret = webhook.secret.reveal()
            trust = webhook.trust
        }
    }

    func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    static func channel(_ name: String, kind: String, _ text: String) -> AlertChannel? {
        guard let settings = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)),
            let kind = AlertChannel.Kind(rawValue: kind), let way = try? settings.way(kind)
        else { return nil }
        return try? AlertChannel(name: name, way: way)
    }

    private func way(_ kind: AlertChannel.Kind) throws(AlertError) -> AlertChannel.Way {
        switch kind {
        case .mail:
            var signIn: MailWay.SignIn?
            if let user, let secret {
                signIn = MailWay.SignIn(user: user, password: Secret(secret))
            }
            var addresses: [MailAddress] = []
            for recipient in recipients ?? [] {
                addresses.append(try MailAddress(parsing: recipient))
            }
            return .mail(
                try MailWay(
                    host: host ?? "", port: port,
                    security: security.flatMap(MailWay.Security.init) ?? .starttls,
                    sender: try MailAddress(parsing: sender ?? ""), recipients: addresses,
                    signIn: signIn, trust: trust))
        case .ntfy:
            return .ntfy(
                try NtfyWay(
                    server: try AlertURL(parsing: address ?? ""), token: secret.map { Secret($0) },
                    trust: trust))
        case .webhook:
            return .webhook(
                try WebhookWay(
                    address: try AlertURL(parsing: address ?? ""), secret: Secret(secret ?? ""),
                    trust: trust))
        }
    }
}
