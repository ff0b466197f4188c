import Accounts
import Kernel
import Logging
import Operations
import Records
import Status
import Storage
import Wire

/// What only the server knows, of an account and of itself: whether a device that asked before would
/// be answered something else by now.
///
/// The answer itself is that to a device's report (`StateReply`); what is added there belongs into
/// the version here.
struct NoticesService: Sendable {
    let parts: ServiceParts
    let monitor: ServiceMonitor

    /// Of accounts that exist.
    func versions(of accounts: [AccountID]) async throws -> [(AccountID, NoticeEvent)] {
        let troubled = monitor.status().troubled
        return try await parts.database.read { [kernel = parts.kernel] transaction in
            try accounts.compactMap { account -> (AccountID, NoticeEvent)? in
                do throws(KernelError) {
                    let version = try Self.version(
                        of: account, kernel, troubled: troubled, in: transaction)
                    return (account, NoticeEvent(version: version))
                } catch {
                    // Removed while its devices are connected.
                    guard error.code == .accountNotFound else { throw error }
                    return nil
                }
            }
        }
    }

    /// Only to be compared with another one.
    ///
    /// Sizes count as people read them, so that an upload does not make every device ask again with
    /// each of its files; without a quota nobody is told of them.
    static func version(
        of account: AccountID, _ kernel: Kernel, troubled: [SystemStatus.Service],
        in transaction: any Transaction
    ) throws(KernelError) -> String {
        let quota = try kernel.quota(of: account, in: transaction)
        let server = try kernel.serverState(in: transaction)
        var parts = [
            MartletVersion.text, server.clockSuspectSince.map { "\($0.milliseconds)" } ?? "",
            "\(try kernel.wantedCount(for: account, in: transaction))",
            "\(try kernel.requestCount(of: account, in: transaction))",
            try LastBackup.madeAt(in: transaction).map { "\($0.milliseconds)" } ?? "",
        ]
        for denied in try DeniedService.all(of: account, in: transaction) {
            parts += [denied.service, "\(denied.since.milliseconds)"]
        }
        parts += troubled.map { "\($0.service) \($0.health) \($0.since.milliseconds)" }
        if let limit = quota.limitByteCount {
            parts += ["\(limit)", EvidenceText.bytes(quota.usedByteCount)]
            // When it will be full moves by itself: that is heard with the next report.
            parts += try PoolNotice.read(of: account, kernel, in: transaction).sharedWith
        }
        return String(Digest(of: Array(parts.joined(separator: "\n").utf8)).text.prefix(16))
    }
}

/// Tells connected devices when it is another.
///
/// What is said in this process and in others beside it is found in the one place where both leave
/// it, the database: by a look every two seconds, for the accounts that have an event stream open.
package struct NoticeWatch: Sendable {
    let notices: NoticesService
    let hub: EventHub
    let clock: any Clock<Duration>
    let logger: Logger

    /// Until its task is cancelled.
    func run() async throws {
        while true {
            try await clock.sleep(for: .milliseconds(Limits.noticePollMilliseconds))
            do {
                try await round()
            } catch {
                logger.warning("Notices cannot be read", metadata: ["error": "\(error)"])
            }
        }
    }

    package func round() async throws {
        let accounts = hub.accounts
        guard !accounts.isEmpty else { return }
        for (account, notice) in try await notices.versions(of: accounts) {
            hub.publish(notice, to: account)
        }
    }
}
