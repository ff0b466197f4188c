import Kernel
import Logging
import Records
import Status
import Storage

/// Tells the owner that the database does not answer, on the channels that it named before.
///
/// What was told to whom is rows otherwise; this is kept in memory, so that each of several servers
/// tells what it sees, and one that is started again during the outage does not know whom to tell.
actor DatabaseAlert {
    private let server: String
    private let sender: any AlertSender
    private let logger: Logger
    private var channels: [AlertChannel] = []
    private var failingSince: Timestamp?
    private var item: AlertItem?
    private var told: Set<String> = []
    private var nextTryAt: [String: Timestamp] = [:]

    init(server: String, sender: any AlertSender, logger: Logger) {
        self.server = server
        self.sender = sender
        self.logger = logger
    }

    /// The database answers, with the channels that there are; who heard of an outage hears its end.
    func answered(_ channels: [AlertChannel], at now: Timestamp) async {
        self.channels = channels
        failingSince = nil
        guard let ended = item else { return }
        let over = AlertItem(
            code: ended.code, subject: ended.subject, phase: .over, message: ended.message,
            advice: nil, beganAt: ended.beganAt, endedAt: ended.endedAt ?? now)
        item = over
        for channel in channels where told.contains(channel.name) {
            if await tell(over, to: channel, at: now) { told.remove(channel.name) }
        }
        // One that was removed, or renamed, needs no end.
        told.formIntersection(channels.map(\.name))
        if told.isEmpty { (item, nextTryAt) = (nil, [:]) }
    }

    /// It did not answer; what lasts for `Limits.alertPassingSeconds` is told.
    func failed(_ error: any Error, at now: Timestamp) async {
        // A clock that was set back must not keep this for ever.
        let since = min(failingSince ?? now, now)
        failingSince = since
        guard since.adding(seconds: Limits.alertPassingSeconds) <= now else { return }
        let current =
            item.flatMap { $0.phase == .began ? $0 : nil }
            ?? AlertItem(
                code: FindingCode.serverDatabaseUnusable.rawValue, subject: "", phase: .began,
                message: "The server's database does not answer: \(Self.cause(of: error))",
                advice: "Look whether the database runs, and at its disk; the server goes on by "
                    + "itself.", beganAt: since, endedAt: nil)
        item = current
        for channel in channels where !told.contains(channel.name) {
            if await tell(current, to: channel, at: now) { told.insert(channel.name) }
        }
    }

    /// Returns whether it got through.
    private func tell(_ item: AlertItem, to channel: AlertChannel, at now: Timestamp) async -> Bool
    {
        if let next = nextTryAt[channel.name], now < next { return false }
        do throws(AlertError) {
            try await sender.send(
                AlertMessage(server: server, sentAt: now, items: [item]), to: channel)
            nextTryAt[channel.name] = nil
            return true
        } catch {
            nextTryAt[channel.name] = now.adding(seconds: Limits.alertRetrySeconds)
            logger.warning(
                "An alert did not get through",
                metadata: ["channel": "\(channel.name)", "error": "\(error.message)"])
            return false
        }
    }

    private static func cause(of error: any Error) -> String {
        switch error {
        case let error as StorageError: error.message
        case let error as KernelError: (error.cause as? StorageError)?.message ?? error.message
        default: "\(error)"
        }
    }
}
