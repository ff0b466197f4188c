import Kernel
import Records
import Status

extension ServerExaminations {
    /// Whether alerts get through.
    static let alerts = ServerExamination("alerts", "Alerts to the owner") { server in
        let channels = try await server.read { try AlertChannels.all(in: $0) }
        guard !channels.isEmpty else { return Look("nobody is told: see martlet alerts add") }
        let old = server.now.adding(seconds: -Limits.alertFailingSeconds)
        let findings = channels.compactMap { channel -> Finding? in
            let cause = channel.channel == nil ? "its row cannot be read" : channel.error
            guard let since = channel.failingSince, since <= old else { return nil }
            return Finding(
                .alertChannelFailing,
                [
                    "channel": channel.name, "time": EvidenceText.time(since),
                    "cause": (cause ?? "").asCause,
                ])
        }
        let last = channels.compactMap(\.sentAt).max().map { "\(server.age(of: $0)) ago" }
        return Look(
            "\(channels.count == 1 ? "1 channel" : "\(channels.count) channels"), last used "
                + (last ?? "never"), findings)
    }
}
