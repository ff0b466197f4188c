import Accounts
import Agent
import ArgumentParser
import Operations
import Storage
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension AlertsCommand {
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Name a place that alerts go to.",
            subcommands: [Mail.self, Ntfy.self, Webhook.self])
    }

    /// What every channel is added with.
    struct ChannelOptions: ParsableArguments {
        @Argument(help: "What to call the channel.")
        var name: String

        @Option(help: "A PEM file with certificates to trust besides the system's.")
        var trust: String?

        func trusted() throws -> String? {
            guard let trust else { return nil }
            guard let data = FileManager.default.contents(atPath: trust) else {
                throw Complaint(
                    .usage, "invalidChannel", "There is no file \(trust) that can be read.")
            }
            return String(decoding: data, as: UTF8.self)
        }

        func add(
            _ way: AlertChannel.Way, _ place: ServerPlaceOptions, _ output: OutputOptions,
            secret: String? = nil
        ) async throws {
            let channel = try AlertChannel(name: name, way: way)
            let now = Surroundings.machine().now().wall
            try await place.openDatabase().write { transaction in
                try AlertChannels.add(channel, at: now, in: transaction)
            }
            if output.json {
                var reply = ["channel": name, "destination": channel.destination]
                reply["secret"] = secret
                return try Output.json(reply)
            }
            Output.line(
                "Alerts go to \(channel.destination). Try it: martlet alerts test \(name)")
            if let secret {
                Output.line("What arrives there is signed with this secret, shown only now:")
                Output.line(secret)
            }
        }
    }

    struct Mail: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send mail, through a mail server that you have an account on.")

        @OptionGroup var channel: ChannelOptions

        @Option(help: "Whom to write to; may be given again.")
        var to: [String]

        @Option(help: "The mail server, as HOST or HOST:PORT.")
        var smtp: String

        @Option(help: "starttls (port 587), tls (465) or none (25, without a password).")
        var security = MailWay.Security.starttls.rawValue

        @Option(help: "The sender's address; by default the user's or the first receiver's.")
        var from: String?

        @Option(help: "Whom to sign in as; the password is asked for.")
        var user: String?

        @OptionGroup var password: PasswordOptions
        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            guard let security = MailWay.Security(rawValue: security) else {
                throw Complaint(
                    .usage, "invalidChannel", "--security takes starttls, tls or none.")
            }
            let recipients = try to.map { try MailAddress(parsing: $0) }
            let sender: MailAddress
            if let from {
                sender = try MailAddress(parsing: from)
            } else if let user, let address = try? MailAddress(parsing: user) {
                sender = address
            } else {
                sender = try recipients.first ?? MailAddress(parsing: "")
            }
            let (host, port) = AlertURL.hostAndPort(smtp)
            var signIn: MailWay.SignIn?
            if let user {
                let secret = try PasswordInput.read(password, prompt: "Password of \(user): ")
                signIn = MailWay.SignIn(user: user, password: Secret(secret))
            }
            try await channel.add(
                .mail(
                    try MailWay(
                        host: host, port: port, security: security, sender: sender,
                        recipients: recipients, signIn: signIn, trust: try channel.trusted())),
                place, output)
        }
    }

    struct Ntfy: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send to a topic of ntfy.sh or of your own ntfy server.")

        @OptionGroup var channel: ChannelOptions

        @Option(help: "The topic's address, such as https://ntfy.example.org/martlet.")
        var url: String

        @Flag(help: "Ask for an access token; with --password-stdin it comes from there.")
        var token = false

        @OptionGroup var password: PasswordOptions
        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let server = try AlertURL(parsing: url)
            var secret: Secret<String>?
            if token || password.passwordStdin {
                secret = Secret(try PasswordInput.read(password, prompt: "Token: "))
            }
            try await channel.add(
                .ntfy(try NtfyWay(server: server, token: secret, trust: try channel.trusted())),
                place, output)
        }
    }

    struct Webhook: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send signed JSON to a program of yours.",
            discussion:
                "A secret is made and printed alone on the last line, or read from standard "
                + "input with --password-stdin.")

        @OptionGroup var channel: ChannelOptions

        @Option(help: "The program's address.")
        var url: String

        @OptionGroup var password: PasswordOptions
        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let address = try AlertURL(parsing: url)
            let given =
                password.passwordStdin ? try PasswordInput.read(password, prompt: "Secret: ") : nil
            let secret: Secret<String> =
                if let given { Secret(given) } else {
                    try await place.accounts().generatePassword()
                }
            try await channel.add(
                .webhook(
                    try WebhookWay(
                        address: address, secret: secret, trust: try channel.trusted())),
                place, output, secret: given == nil ? secret.reveal() : nil)
        }
    }
}
