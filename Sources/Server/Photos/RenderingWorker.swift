package import Kernel
package import Logging
import Media
package import Records
package import Storage

/// Reads and renders what is missing, for all accounts, as long as the server runs.
///
/// - What is missing is found by query: nothing can be forgotten, and after a crash the same is
///   found again.
/// - All facts and thumbnails come first, previews after, newest pictures first.
/// - A file that fails never holds up another: its job waits longer each time, and in the end its
///   record says that there will be no picture.
/// - Results are written together: at most one write a second while there is work, at once when
///   there is none left.
package final class RenderingWorker: Sendable {
    /// The server's clocks and chance.
    package struct Surroundings: Sendable {
        let now: @Sendable () -> Timestamp
        let clock: any Clock<Duration>
        let randomNumber: @Sendable () -> UInt64
        /// A folder for copies of objects that are no files.
        let temporaryFolder: String

        package init(
            now: @escaping @Sendable () -> Timestamp, clock: any Clock<Duration>,
            randomNumber: @escaping @Sendable () -> UInt64, temporaryFolder: String
        ) {
            self.now = now
            self.clock = clock
            self.randomNumber = randomNumber
            self.temporaryFolder = temporaryFolder
        }
    }

    private let database: any Database
    private let queue: RenderingQueue
    private let performer: RenderingPerformer
    private let commit: RenderingCommit
    private let surroundings: Surroundings
    private let widthMax: Int
    private let committed: @Sendable (Zone) -> Void
    private let logger: Logger
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private let lost: LostRenderings

    /// `committed` hears of every zone that got facts or renderings, with its new head.
    package init(
        database: any Database, objects: any ObjectStore, kernel: Kernel,
        reader: any PictureReader, surroundings: Surroundings, logger: Logger,
        committed: @escaping @Sendable (Zone) -> Void = { _ in }
    ) {
        self.database = database
        self.surroundings = surroundings
        self.committed = committed
        self.logger = logger
        queue = RenderingQueue(kernel: kernel)
        lost = LostRenderings(
            database: database, kernel: kernel, randomNumber: surroundings.randomNumber)
        widthMax = max(1, reader.widthMax)
        performer = RenderingPerformer(
            database: database, objects: objects, kernel: kernel, reader: reader,
            temporaryFolder: surroundings.temporaryFolder, logger: logger)
        commit = RenderingCommit(
            database: database, objects: objects, kernel: kernel, queue: queue,
            randomNumber: surroundings.randomNumber)
        (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Call after each commit of a device.
    package func wake() { waker.yield() }

    /// Works until the task is cancelled.
    ///
    /// What is in hand then is given back: another server need not wait for its leases to end.
    package func run() async {
        while !Task.isCancelled {
            do {
                try await drain()
                try await wait(upTo: try await idleSeconds())
            } catch is CancellationError {
                return
            } catch {
                logger.error("Rendering stopped for a while", metadata: ["error": "\(error)"])
                try? await wait(upTo: Limits.renderingRetrySeconds)
            }
        }
    }

    /// Works until nothing is left that can be done now.
    package func drain() async throws {
        for zone in try await lost.drop(at: surroundings.now()) { committed(zone) }
        var round = Round(lastWrite: surroundings.now())
        do {
            try await withThrowingTaskGroup(of: Ended.self) { try await work(&round, &$0) }
        } catch {
            // Without a stop, what was begun counts as tried: its result may be what failed.
            await giveBack(Task.isCancelled ? round.inHand : round.waiting)
            throw error
        }
    }

    private func work(
        _ round: inout Round, _ group: inout ThrowingTaskGroup<Ended, any Error>
    ) async throws {
        while true {
            start(&round, &group)
            try await fill(&round)
            start(&round, &group)
            guard !round.running.isEmpty, let ended = try await group.next() else { break }
            try Task.checkCancellation()
            round.end(ended)
            if round.isDue(at: surroundings.now()) { try await write(&round) }
        }
        try await write(&round)
    }

    private func giveBack(_ jobs: [RenderingJob]) async {
        guard !jobs.isEmpty else { return }
        do {
            try await database.write { [queue] in try queue.giveBack(jobs, in: $0) }
        } catch {
            logger.info(
                "Pictures wait until their leases end",
                metadata: ["count": "\(jobs.count)", "error": "\(error)"])
        }
    }
}

extension RenderingWorker {
    /// What one call of `drain` has in hand.
    private struct Round {
        var waiting: [RenderingJob] = []
        var running: [RenderingJob] = []
        var finished: [FinishedJob] = []
        var lastWrite: Timestamp

        /// Leased and not written.
        var inHand: [RenderingJob] { waiting + running + finished.map(\.job) }

        mutating func end(_ ended: Ended) {
            running.removeAll { $0.lease == ended.job.lease }
            guard let outcome = ended.outcome else { return }
            finished.append(FinishedJob(job: ended.job, outcome: outcome))
        }

        private var byteCount: Int {
            finished.reduce(0) { sum, each in
                let picture = each.outcome.picture
                return sum + (picture?.thumbnail?.count ?? 0) + (picture?.preview?.count ?? 0)
            }
        }

        mutating func next() -> RenderingJob? { waiting.popLast() }

        func isDue(at time: Timestamp) -> Bool {
            finished.count >= Limits.renderingsPerCommitMax
                || byteCount >= Limits.renderingByteCountMax
                || time >= lastWrite.adding(milliseconds: Limits.renderingCommitMilliseconds)
        }
    }

    /// A job whose work has ended: without an outcome when a stop met it.
    private struct Ended: Sendable {
        let job: RenderingJob
        let outcome: RenderingOutcome?
    }

    private func start(
        _ round: inout Round, _ group: inout ThrowingTaskGroup<Ended, any Error>
    ) {
        while round.running.count < widthMax, let job = round.next() {
            round.running.append(job)
            group.addTask { [performer] in
                Ended(job: job, outcome: await performer.perform(job))
            }
        }
    }

    /// Takes more jobs before those in hand run out, so that no child ever waits for the database.
    private func fill(_ round: inout Round) async throws {
        guard round.waiting.count < widthMax else { return }
        try Task.checkCancellation()
        var jobs = try await take()
        if jobs.isEmpty, !round.finished.isEmpty, round.running.isEmpty {
            // What waited for a thumbnail may go on with its preview.
            try await write(&round)
            jobs = try await take()
        }
        round.waiting = jobs.reversed() + round.waiting
    }

    private func take() async throws -> [RenderingJob] {
        let now = surroundings.now()
        let limit = widthMax * Limits.renderingJobsPerChild
        return try await database.write { [queue] transaction in
            for stage in RenderingJob.Stage.allCases {
                let jobs = try queue.take(stage, limit: limit, at: now, in: transaction)
                if !jobs.isEmpty { return jobs }
            }
            return []
        }
    }

    private func write(_ round: inout Round) async throws {
        guard !round.finished.isEmpty else { return }
        round.lastWrite = surroundings.now()
        let written = try await commit.write(round.finished, at: surroundings.now())
        round.finished = []
        for zone in written.zones { committed(zone) }
    }

    private func idleSeconds() async throws -> Int64 {
        let now = surroundings.now()
        let next = try await database.read { [queue] in try queue.nextTry(in: $0) }
        guard let next else { return Limits.renderingIdleSecondsMax }
        let seconds = (next.milliseconds - now.milliseconds) / 1000 + 1
        return min(max(seconds, 1), Limits.renderingIdleSecondsMax)
    }

    /// Until somebody wakes the worker, at most so long.
    private func wait(upTo seconds: Int64) async throws {
        let (waker, clock) = (waker, surroundings.clock)
        let alarm = Task {
            try await clock.sleep(for: .seconds(seconds))
            waker.yield()
        }
        defer { alarm.cancel() }
        for await _ in wakes { break }
        try Task.checkCancellation()
    }
}
