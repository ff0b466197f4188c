import Agent
import ArgumentParser
import Operations
import Records
import Status
import Storage
import SyncEngine
import WebServer

struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alerts",
        abstract:
            "Tell the server's owner by mail, ntfy or a webhook when something needs attention.",
        discussion: "Beside the server, running or not; the running server sends.",
        subcommands: [Add.self, List.self, Test.self, Remove.self, SilentAfter.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List where alerts go, and what needs attention now.")

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        private struct Channel: Encodable {
            let name: String
            let kind: String?
            let destination: String?
            let lastSentAt: Timestamp?
            let failingSince: Timestamp?
            let error: String?
        }

        private struct Lasting: Encodable {
            let code: String
            let subject: String
            let message: String
            let advice: String?
            let since: Timestamp
        }

        private struct All: Encodable {
            let channels: [Channel]
            let alerts: [Lasting]
            let silentAfterDays: Int64?
        }

        func run() async throws {
            let (channels, lasting, days) = try await place.openDatabase().read { transaction in
                (
                    try AlertChannels.all(in: transaction), try Alerts.lasting(in: transaction),
                    try AlertTurn.silentDays(in: transaction)
                )
            }
            if output.json {
                return try Output.json(
                    All(
                        channels: channels.map {
                            Channel(
                                name: $0.name, kind: $0.channel?.kind.rawValue,
                                destination: $0.channel?.destination, lastSentAt: $0.sentAt,
                                failingSince: $0.failingSince, error: $0.error)
                        },
                        alerts: lasting.map {
                            Lasting(
                                code: $0.code, subject: $0.subject, message: $0.message,
                                advice: $0.advice, since: $0.beganAt)
                        }, silentAfterDays: days))
            }
            if channels.isEmpty { Output.line("Alerts go nowhere: see martlet alerts add.") }
            for channel in channels { show(channel) }
            Output.line(
                days.map { "A device is silent after \($0) days." } ?? "No device is ever silent.")
            if lasting.isEmpty { Output.line("Nothing needs attention.") }
            for item in lasting {
                Output.line("\(item.message) (\(item.code), \(EvidenceText.time(item.beganAt)))")
                if let advice = item.advice { Output.line("  \(advice)") }
            }
        }

        private func show(_ channel: AlertChannelState) {
            let way = channel.channel.map { "\($0.kind.rawValue) to \($0.destination)" }
            let sent = channel.sentAt.map { "last sent \(EvidenceText.time($0))" }
            Output.line(
                "\(channel.name): \(way ?? "cannot be read: remove it and add it again"), "
                    + (sent ?? "not used yet"))
            if let since = channel.failingSince {
                Output.line("  failing since \(EvidenceText.time(since)): \(channel.error ?? "")")
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a message to a channel now, or to all of them.")

        @Argument(help: "The channel.")
        var name: String?

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let database = try place.openDatabase()
            let all = try await database.read { try AlertChannels.all(in: $0) }
            let chosen = all.filter { name == nil || $0.name == name }
            guard !chosen.isEmpty else {
                throw AlertError(
                    .channelNotFound,
                    name.map { "There is no channel \($0): see martlet alerts list." }
                        ?? "There is no channel yet: see martlet alerts add.")
            }
            let sender = NetworkAlertSender()
            var failed: AlertError?
            for state in chosen {
                do throws(AlertError) {
                    try await send(state, by: sender)
                } catch {
                    if !output.json { Output.line("\(state.name): \(error.message)") }
                    failed = error
                    continue
                }
                let now = Surroundings.machine().now().wall
                try await database.write { transaction in
                    try AlertChannels.tested(state.name, at: now, in: transaction)
                }
                if !output.json { Output.line("\(state.name) has taken it.") }
            }
            if let failed { throw failed }
            if output.json { try Output.json(["sent": chosen.map(\.name)]) }
        }

        private func send(
            _ state: AlertChannelState, by sender: NetworkAlertSender
        ) async throws(AlertError) {
            guard let channel = state.channel else {
                throw AlertError(
                    .invalidChannel,
                    "The channel \(state.name) cannot be read: remove it and add it again.")
            }
            let now = Surroundings.machine().now().wall
            try await sender.send(
                AlertMessage(
                    server: place.data ?? "of this machine", sentAt: now,
                    items: [.test(at: now)]), to: channel)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send nothing there any more.")

        @Argument(help: "The channel.")
        var name: String

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await place.openDatabase().write { [name] in
                try AlertChannels.remove(name, in: $0)
            }
            if output.json { return try Output.json(["removed": name]) }
            Output.line("Nothing is sent to \(name) any more.")
        }
    }

    struct SilentAfter: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "silent-after",
            abstract: "Say after how many days without a word a device is worth an alert.")

        @Argument(help: "A number of days, or never.")
        var days: String

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let number = Int64(days)
            guard days == "never" || (1...Limits.silentDaysMax).contains(number ?? 0) else {
                throw Complaint(
                    .usage, "invalidConfiguration",
                    "“\(days)” is no number of days: use 1 to \(Limits.silentDaysMax), or never.")
            }
            try await place.openDatabase().write {
                try AlertTurn.setSilentDays(number, in: $0)
            }
            if output.json { return try Output.json(["silentAfterDays": number]) }
            Output.line(
                number.map { "A device is silent after \($0) days." }
                    ?? "No device is ever silent.")
        }
    }
}
