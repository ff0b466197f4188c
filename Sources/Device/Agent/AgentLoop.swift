import Dispatch
import Records
import Status
import SyncEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Runs an actor's work on one queue of its own: SQLite waits for the disk there, and the
/// cooperative pool does not.
final class QueueExecutor: SerialExecutor {
    let queue: DispatchQueue

    init(label: String) { queue = DispatchQueue(label: label) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// The engine and its rows on one thread: events in, one transaction for those that came together,
/// and only after its commit their effects out. It decides nothing about sync.
actor AgentLoop {
    private let executor = QueueExecutor(label: "martlet.engine")
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    private let mailbox: Mailbox
    private let performer: EffectPerformer
    private let now: @Sendable () -> Moment
    private let rows: DatabaseRows
    private var engine: SyncEngine
    private var outcome: Outcome?

    init(
        rows: sending DatabaseRows, engine: SyncEngine, mailbox: Mailbox,
        performer: EffectPerformer, now: @escaping @Sendable () -> Moment
    ) {
        self.rows = rows
        self.engine = engine
        self.mailbox = mailbox
        self.performer = performer
        self.now = now
    }

    /// Handles events until the engine has finished or the mailbox is closed (`nil`).
    func run() async throws(RowsError) -> Outcome? {
        while outcome == nil, let events = await mailbox.next() {
            var rest = events[...]
            while !rest.isEmpty, outcome == nil {
                let effects = try handleTogether(&rest)
                for effect in effects { perform(effect) }
            }
        }
        return outcome
    }

    func status() throws(RowsError) -> LibraryStatus {
        try engine.status(at: now(), rows: rows)
    }

    func openStates() -> [RecordID: ItemState] { engine.openStates() }

    /// `name`: a path or an id.
    func story(of name: String) throws(RowsError) -> ItemStory? {
        for subject in try ItemLookup(rows).subjects(named: name) {
            if let story = try engine.story(of: subject, at: now(), rows: rows) { return story }
        }
        return nil
    }

    /// Does something with the rows between two transactions of the engine.
    func withRows<R: Sendable>(
        _ body: @Sendable (DatabaseRows) throws(RowsError) -> R
    ) throws(RowsError) -> R {
        let rows = rows
        return try rows.transaction { () throws(RowsError) in try body(rows) }
    }

    /// The first of the events in one transaction: as many as fit a short time.
    private func handleTogether(
        _ events: inout ArraySlice<Event>
    ) throws(RowsError) -> [Effect] {
        let start = now().uptime
        var effects: [Effect] = []
        let (engineRows, slice) = (rows, events.prefix(Limits.eventsPerTransactionMax))
        var handled = 0
        try rows.transaction { () throws(RowsError) in
            for event in slice {
                let moment = now()
                effects += try engine.handle(event, at: moment, rows: engineRows)
                handled += 1
                if moment.uptime - start >= Limits.eventMillisecondsPerTransactionMax { break }
            }
        }
        events = events.dropFirst(handled)
        return effects
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .finished(let outcome): self.outcome = outcome
        case .disk(let id, .syncRows):
            let result = Result.of { () throws(DiskError) in
                do { try rows.makeDurable() } catch { throw .inputOutput(errno: EIO) }
                return DiskOutcome.done
            }
            mailbox.post(.diskDone(id, result))
        default: performer.perform(effect)
        }
    }
}
