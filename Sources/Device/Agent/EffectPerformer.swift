import Dispatch
import Library
import Records
import SyncEngine
import Synchronization

/// Performs the engine's effects on workers; each is answered by exactly one event.
final class EffectPerformer: Sendable {
    private struct State {
        var disk: DeviceDisk
        var requests: [RequestID: Task<Void, Never>] = [:]
        var timers: [TimerID: Int] = [:]
        var timerCount = 0
        var isStopped = false
    }

    private let state: Mutex<State>
    private let pools: Pools
    private let network: Network
    private let now: @Sendable () -> Moment
    private let post: @Sendable (Event) -> Void
    private let watcher: (any FolderWatcher)?
    private let marks: ReadingMarks?
    private let conditions: ConditionsReader
    #if os(Linux)
    private let keeper = AwakeKeeper()
    #endif
    private let timerQueue = DispatchQueue(label: "martlet.timers")

    /// Where blocking work runs.
    struct Pools: Sendable {
        let disk = WorkPool(threadCount: Limits.diskThreads)
        let reading = WorkPool(threadCount: Limits.hashesAtOnce)
        let sending = WorkPool(threadCount: Limits.transfersAtOnce)

        func stop() async {
            await disk.stop()
            await reading.stop()
            await sending.stop()
        }
    }

    struct Network: Sendable {
        let client: ServerClient
        let device: DeviceID
        let zone: ZoneID
        let limits: TransferLimits
        let receipts: ReceiptChecker
        let wanted: WantedBlobs?
    }

    init(
        disk: DeviceDisk, network: Network, watcher: (any FolderWatcher)?,
        conditions: ConditionsReader, marks: ReadingMarks? = nil,
        now: @escaping @Sendable () -> Moment,
        post: @escaping @Sendable (Event) -> Void
    ) {
        state = Mutex(State(disk: disk))
        pools = Pools()
        self.network = network
        self.watcher = watcher
        self.conditions = conditions
        self.marks = marks
        self.now = now
        self.post = post
    }

    /// The roots' rows changed.
    func use(_ disk: DeviceDisk) { state.withLock { $0.disk = disk } }

    private func keepAwake(_ isAwake: Bool) {
        #if os(Linux)
        pools.disk.submit { [keeper] in keeper.keepAwake(isAwake) }
        #endif
    }

    /// What the user allows was changed.
    func readConditions() {
        conditions.read(probesServer: false) { [post] in post(.conditions($0)) }
    }

    private var disk: DeviceDisk { state.withLock { $0.disk } }

    func perform(_ effect: Effect) {
        let (disk, post) = (disk, post)
        switch effect {
        case .readConditions(let probesServer):
            conditions.read(probesServer: probesServer) { post(.conditions($0)) }
        case .readMark:
            pools.disk.submit {
                post(
                    .markRead(
                        Result.of { () throws(DiskError) in
                            try LibraryFolder.look(at: disk.root(.library).path)
                        }))
            }
        case .readFolder(let folder):
            pools.disk.submit {
                post(
                    .folderRead(
                        folder,
                        Result.of { () throws(DiskError) in
                            try disk.entries(of: folder)
                        }))
            }
        case .examine(let place):
            pools.disk.submit {
                post(
                    .placeExamined(
                        place,
                        Result.of { () throws(DiskError) in
                            try disk.entry(at: place)
                        }))
            }
        case .readFile(let place, let stamp):
            pools.reading.submit { [marks] in
                let read = {
                    disk.read(place, stamp) { post(.readingProgressed(place, byteCount: $0)) }
                }
                post(.fileRead(place, marks?.noting(place, stamp, read) ?? read()))
            }
        case .disk(let id, let operation):
            let pool = operation.readsWholeFile ? pools.reading : pools.disk
            pool.submit {
                post(
                    .diskDone(
                        id,
                        Result.of { () throws(DiskError) in
                            try disk.perform(operation)
                        }))
            }
        case .watch(let folder):
            if let watcher, let path = try? disk.path(of: folder.root, folder.path) {
                watcher.watch(folder, path: path)
            }
        case .send(let id, let request): send(id, request, disk)
        case .keepAwake(let isAwake): keepAwake(isAwake)
        case .cancel(let id): state.withLock { $0.requests[id] }?.cancel()
        case .setTimer(let id, let uptime): setTimer(id, uptime: uptime)
        case .finished: break
        }
    }

    /// Cancels what is under way and waits for what blocks.
    ///
    /// Events posted meanwhile go nowhere.
    func stop() async {
        let requests = state.withLock { state in
            state.isStopped = true
            return Array(state.requests.values)
        }
        for request in requests { request.cancel() }
        for request in requests { await request.value }
        watcher?.stop()
        conditions.stop()
        #if os(Linux)
        keeper.keepAwake(false)
        #endif
        await pools.stop()
    }

    /// What answers requests with the disk as it is now.
    func requestPerformer() -> RequestPerformer {
        RequestPerformer(
            client: network.client, disk: disk, pool: pools.sending, device: network.device,
            zone: network.zone, limits: network.limits, receipts: network.receipts,
            wanted: network.wanted)
    }

    private func send(_ id: RequestID, _ request: Request, _ disk: DeviceDisk) {
        let performer = requestPerformer()
        let post = post
        // Held while the task is noted, so that it cannot end before it is there to be removed.
        state.withLock { state in
            guard !state.isStopped else { return }
            state.requests[id] = Task {
                let result = await Result.of { () async throws(RequestFailure) in
                    try await performer.perform(request) { post(.progressed(id, byteCount: $0)) }
                }
                self.state.withLock { $0.requests[id] = nil }
                post(.replied(id, result))
            }
        }
    }

    /// A timer set again moves: only the latest setting fires.
    private func setTimer(_ id: TimerID, uptime: Int64) {
        let setting = state.withLock { state in
            state.timerCount += 1
            state.timers[id] = state.timerCount
            return state.timerCount
        }
        let milliseconds = Int(clamping: max(0, uptime - now().uptime))
        timerQueue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
            guard let self else { return }
            let isLatest = state.withLock { state in
                guard state.timers[id] == setting else { return false }
                state.timers[id] = nil
                return true
            }
            if isLatest { post(.timerFired(id)) }
        }
    }
}

extension DiskOperation {
    fileprivate var readsWholeFile: Bool {
        if case .copy = self { true } else { false }
    }
}

extension Result {
    static func of(_ body: () throws(Failure) -> Success) -> Self {
        do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
    }

    fileprivate static func of(_ body: () async throws(Failure) -> Success) async -> Self {
        do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
    }
}
