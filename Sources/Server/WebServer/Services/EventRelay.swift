import Kernel
import Logging
import Records
package import Storage
import Synchronization
import Wire

/// Carries heads between servers of one database, so that a device hears of a commit wherever it is
/// connected.
///
/// What was published within 20 ms goes out together, after the commits and on a connection of its
/// own. It is state, as in the hub: the latest head of each zone, and losing one costs a device only
/// the time until its next look.
///
///     <SERVER, 16 digits> <ZONE> <EPOCH> <HEAD> <ACCOUNT>,<ACCOUNT>…|-    one line for each zone
package final class EventRelay: Sendable {
    struct Message: Hashable {
        let event: ServerEvent
        let accounts: [AccountID]
    }

    private struct State {
        var pending: [ZoneID: Message] = [:]
        var isMissing = false
    }

    private let listener: PostgresListener
    private let server: String
    private let clock: any Clock<Duration>
    private let state = Mutex(State())
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    /// `server` differs between servers.
    package init(_ listener: PostgresListener, server: UInt64, clock: any Clock<Duration>) {
        self.listener = listener
        self.server = Hexadecimal.encode(Hexadecimal.bytes(of: server))
        self.clock = clock
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Never waits.
    func add(_ event: ServerEvent, to accounts: [AccountID]) {
        state.withLock { Self.add(Message(event: event, accounts: accounts), to: &$0.pending) }
        wakeUp.yield()
    }

    /// Of two, the later head, for the accounts of both.
    private static func add(_ message: Message, to pending: inout [ZoneID: Message]) {
        let zone = message.event.zone
        guard let known = pending[zone] else {
            pending[zone] = message
            return
        }
        let isLater =
            (message.event.epoch, message.event.head) > (known.event.epoch, known.event.head)
        pending[zone] = Message(
            event: isLater ? message.event : known.event,
            accounts: known.accounts + message.accounts.filter { !known.accounts.contains($0) })
    }

    // MARK: - Running

    /// Until its task is cancelled.
    ///
    /// `refresh` is called when something may have been missed.
    func run(
        hub: EventHub, logger: Logger, refresh: @escaping @Sendable () async throws -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                try? await listener.listen { [self] news in heard(news, hub) }
            }
            group.addTask { [self] in
                await send(logger, refresh)
                listener.stop()
            }
        }
    }

    private func heard(_ news: PostgresListener.News, _ hub: EventHub) {
        switch news {
        case .missed:
            state.withLock { $0.isMissing = true }
            wakeUp.yield()
        case .notified(let text):
            for message in messages(text) { hub.deliver(message.event, to: message.accounts) }
        }
    }

    private func send(
        _ logger: Logger, _ refresh: @Sendable () async throws -> Void
    ) async {
        for await _ in wakeUps {
            do {
                try await clock.sleep(for: .milliseconds(Limits.relayMilliseconds))
            } catch {
                return
            }
            let (pending, isMissing) = state.withLock { state in
                defer { state = State() }
                return (state.pending, state.isMissing)
            }
            do {
                if isMissing { try await refresh() }
                for text in texts(pending) { try await listener.notify(text) }
            } catch {
                logger.warning("Other servers cannot be told", metadata: ["error": "\(error)"])
                // Later, with what comes then.
                state.withLock { state in
                    for message in pending.values { Self.add(message, to: &state.pending) }
                    state.isMissing = state.isMissing || isMissing
                }
                try? await clock.sleep(for: .milliseconds(Limits.relayRetryMilliseconds))
                wakeUp.yield()
            }
        }
    }

    // MARK: - Texts

    /// As few as possible, each within what a notification holds.
    private func texts(_ messages: [ZoneID: Message]) -> [String] {
        var texts: [String] = []
        for message in messages.values.sorted(by: { $0.event.zone < $1.event.zone }) {
            let accounts = message.accounts.map(\.text).joined(separator: ",")
            let line =
                "\(server) \(message.event.zone.text) \(message.event.epoch.rawValue) "
                + "\(message.event.head) \(accounts.isEmpty ? "-" : accounts)"
            if let last = texts.last,
                last.utf8.count + line.utf8.count < Limits.notificationByteCountMax
            {
                texts[texts.count - 1] = last + "\n" + line
            } else {
                texts.append(line)
            }
        }
        return texts
    }

    /// Those of others; a line of a later version says nothing.
    private func messages(_ text: String) -> [Message] {
        text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 5, parts[0] != server,
                let zone = try? ZoneID(parsing: String(parts[1])), let epoch = Int64(parts[2]),
                let head = Int64(parts[3])
            else { return nil }
            let accounts = parts[4].split(separator: ",").compactMap {
                try? AccountID(parsing: String($0))
            }
            return Message(
                event: ServerEvent(zone: zone, epoch: Epoch(rawValue: epoch), head: head),
                accounts: accounts)
        }
    }
}

/// The relay as a part of the server.
struct RelayExtension: ServerExtension {
    let relay: EventRelay
    let hub: EventHub
    let parts: ServiceParts
    let logger: Logger

    func run() async throws {
        await relay.run(hub: hub, logger: logger) { [hub, parts] in
            for account in hub.accounts {
                let zones = try await parts.database.read { [kernel = parts.kernel] transaction in
                    try kernel.zones(of: account, in: transaction)
                }
                for zone in zones { hub.deliver(ServerEvent(zone), to: [account]) }
            }
        }
    }
}
