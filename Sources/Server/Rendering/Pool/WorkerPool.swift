import Dispatch
import Synchronization

/// Hands each piece of blocking work to a free worker, in the order of asking, on threads of its own:
/// Swift's cooperative threads never wait for a child or a disk.
final class WorkerPool: Sendable {
    private struct State {
        var free: [DecodingWorker]
        var waiting: [CheckedContinuation<DecodingWorker?, Never>] = []
        var isShutDown = false
    }

    let workers: [DecodingWorker]
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "martlet.rendering", attributes: .concurrent)

    init(workers: [DecodingWorker]) {
        precondition(!workers.isEmpty, "A pool has at least one worker.")
        self.workers = workers
        state = Mutex(State(free: workers))
    }

    /// Runs `work` with a worker, once one is free.
    ///
    /// Throws what it throws, and `shutDown`.
    func run<Answer: Sendable>(
        _ work: @escaping @Sendable (DecodingWorker) throws(RenderingError) -> Answer
    ) async throws(RenderingError) -> Answer {
        guard let worker = await take() else {
            throw RenderingError(.shutDown, "The server is stopping; the file's turn comes again.")
        }
        defer { giveBack(worker) }
        return try await onThread { () throws(RenderingError) in try work(worker) }
    }

    /// Runs work that needs no worker, but a thread that may wait for a disk.
    func onThread<Answer: Sendable>(
        _ work: @escaping @Sendable () throws(RenderingError) -> Answer
    ) async throws(RenderingError) -> Answer {
        let result = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Answer, RenderingError>, Never>) in
            queue.async {
                continuation.resume(
                    returning: Result { () throws(RenderingError) in try work() })
            }
        }
        return try result.get()
    }

    /// Ends all children at once; work under way ends with an error, work that waits with `shutDown`.
    func interrupt() {
        let waiting = state.withLock { state in
            state.isShutDown = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: nil) }
        for worker in workers { worker.shutDown() }
    }

    /// Interrupts, and removes what the children leave.
    func shutDown() async {
        interrupt()
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async { [workers] in
                for worker in workers { worker.end() }
                continuation.resume()
            }
        }
    }

    private func take() async -> DecodingWorker? {
        await withCheckedContinuation { continuation in
            let worker: DecodingWorker?? = state.withLock { state in
                if state.isShutDown { return .some(nil) }
                if let worker = state.free.popLast() { return worker }
                state.waiting.append(continuation)
                return .none
            }
            if let worker { continuation.resume(returning: worker) }
        }
    }

    private func giveBack(_ worker: DecodingWorker) {
        let next = state.withLock { state -> CheckedContinuation<DecodingWorker?, Never>? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.free.append(worker)
            return nil
        }
        next?.resume(returning: worker)
    }
}
