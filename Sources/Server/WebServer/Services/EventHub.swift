import HTTPTypes
package import Kernel
package import Records
import Synchronization
package import Wire

/// Tells open event streams that a zone's head has moved.
///
/// It carries state, not a log: each stream keeps only the latest head of each zone until it is
/// read, so a slow reader costs no memory and loses nothing that matters.
package final class EventHub: Sendable {
    private struct State {
        var streams: [AccountID: [Int: EventSubscription]] = [:]
        var nextNumber = 0
    }

    private let state = Mutex(State())
    private let metrics: Metrics
    private let relay: EventRelay?

    /// `relay` tells the other servers what is published here.
    package init(metrics: Metrics, relay: EventRelay? = nil) {
        self.metrics = metrics
        self.relay = relay
    }

    /// To the owner of the zone.
    package func publish(_ zone: Zone) { publish(ServerEvent(zone), to: [zone.owner]) }

    /// To every stream that knows the zone: for what the server commits itself.
    package func publish(zone: ZoneID, token: ChangeToken) {
        let event = ServerEvent(
            zone: zone, epoch: token.epoch, head: token.sequence, token: token)
        deliver(event, to: [])
        relay?.add(event, to: [])
    }

    /// Never waits.
    package func publish(_ event: ServerEvent, to accounts: [AccountID]) {
        deliver(event, to: accounts)
        relay?.add(event, to: accounts)
    }

    /// To this server's streams only: those of `accounts`, or without any all that know the zone.
    func deliver(_ event: ServerEvent, to accounts: [AccountID]) {
        let subscriptions = state.withLock { state in
            accounts.isEmpty
                ? state.streams.values.flatMap(\.values).filter { $0.knows(event.zone) }
                : accounts.flatMap { state.streams[$0].map { Array($0.values) } ?? [] }
        }
        for subscription in subscriptions { subscription.offer([event]) }
    }

    /// What only the server knows is another now, or still the same.
    func publish(_ notice: NoticeEvent, to account: AccountID) {
        let subscriptions = state.withLock { state in
            state.streams[account].map { Array($0.values) } ?? []
        }
        for subscription in subscriptions { subscription.offer(notice) }
    }

    /// Those with an open event stream, in order.
    var accounts: [AccountID] { state.withLock { $0.streams.keys.sorted() } }

    /// Throws `tooManyEventStreams` when the account has its share.
    ///
    /// End it with `remove`.
    func add(for account: AccountID) throws -> EventSubscription {
        let subscription = state.withLock { state -> EventSubscription? in
            let open = state.streams[account]?.count ?? 0
            guard open < Limits.eventStreamsPerAccountMax else { return nil }
            state.nextNumber += 1
            let subscription = EventSubscription(number: state.nextNumber, account: account)
            state.streams[account, default: [:]][state.nextNumber] = subscription
            return subscription
        }
        guard let subscription else {
            throw APIError(
                .tooManyRequests, "tooManyEventStreams",
                "The account has \(Limits.eventStreamsPerAccountMax) event streams: close one.",
                retryAfterSeconds: 60)
        }
        metrics.eventStreams(1)
        return subscription
    }

    func remove(_ subscription: EventSubscription) {
        state.withLock { state in
            state.streams[subscription.account]?[subscription.number] = nil
            if state.streams[subscription.account]?.isEmpty == true {
                state.streams[subscription.account] = nil
            }
        }
        subscription.finish()
        metrics.eventStreams(-1)
    }
}

/// One stream's pending heads and notice.
final class EventSubscription: Sendable {
    let number: Int
    let account: AccountID

    private struct State {
        var pending: [ZoneID: ServerEvent] = [:]
        var sent: [ZoneID: ServerEvent] = [:]
        var pendingNotice: NoticeEvent?
        var sentNotice: NoticeEvent?
    }

    /// What a stream is to say next.
    struct News {
        let heads: [ServerEvent]
        let notice: NoticeEvent?

        var isEmpty: Bool { heads.isEmpty && notice == nil }
    }

    private let state = Mutex(State())
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    init(number: Int, account: AccountID) {
        self.number = number
        self.account = account
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Keeps the latest head of each zone; what was sent already is not sent again.
    func offer(_ events: [ServerEvent]) {
        let isNews = state.withLock { state in
            for event in events {
                let known = state.pending[event.zone] ?? state.sent[event.zone]
                if let known, (event.epoch, event.head) <= (known.epoch, known.head) { continue }
                state.pending[event.zone] = event
            }
            return !state.pending.isEmpty
        }
        if isNews { wakeUp.yield() }
    }

    /// The same for the latest notice.
    func offer(_ notice: NoticeEvent) {
        let isNews = state.withLock { state in
            guard notice != state.pendingNotice ?? state.sentNotice else { return false }
            state.pendingNotice = notice == state.sentNotice ? nil : notice
            return state.pendingNotice != nil
        }
        if isNews { wakeUp.yield() }
    }

    func knows(_ zone: ZoneID) -> Bool {
        state.withLock { $0.sent[zone] != nil || $0.pending[zone] != nil }
    }

    /// Wakes the stream though there may be nothing to send.
    func tick() { wakeUp.yield() }

    func finish() { wakeUp.finish() }

    /// Everything pending, heads by zone; empty when the stream was only woken.
    func take() -> News {
        state.withLock { state in
            let heads = state.pending.values.sorted { $0.zone < $1.zone }
            for event in heads { state.sent[event.zone] = event }
            state.pending = [:]
            let notice = state.pendingNotice
            state.sentNotice = notice ?? state.sentNotice
            state.pendingNotice = nil
            return News(heads: heads, notice: notice)
        }
    }

    /// Ends when the stream is to be closed.
    var wakes: AsyncStream<Void> { wakeUps }
}
