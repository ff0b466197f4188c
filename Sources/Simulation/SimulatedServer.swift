import Kernel
import Records
import Storage
import SyncEngine

/// The production kernel on SQLite in memory, over objects that remember what was made durable.
///
/// One connection serves all seeds: a seed is one transaction that is rolled back at its end, and
/// each transaction of the kernel a savepoint in it. What committed survives a crash; requests
/// under way vanish, before or after their commit.
final class SimulatedServer {
    typealias Answer = (Result<Reply, RequestFailure>, Content?) -> Void

    let world: World
    let oracle: Oracle
    let transaction: SQLiteTransaction
    /// The run of each device that was heard of last; a restore takes it back, which must not matter.
    private var lastRuns: [Int: UInt64] = [:]
    let kernel: Kernel
    let account: AccountID
    let zone: Zone
    /// The most records in a page of the feed; small, so that listings have many pages.
    private let pageRecordCount: Int
    weak var network: SimulatedNetwork?
    var isUp: Bool { downSince == nil }
    /// When its process ended, until the next one begins.
    private(set) var downSince: Int64?
    private var incarnation = 0
    var head: Int64 = 0
    var objects: [ObjectKey: Content] = [:]
    /// Acknowledged but not durable: only a planted bug puts something here.
    private var volatile: [ObjectKey] = []
    var staged: [UploadID: Content] = [:]
    var snapshot: ServerSnapshot?
    /// What was read since it changed last.
    var listed: [Record]?
    var zoneRead: Zone?
    var analysisCount: UInt64 = 0
    private var objectCount = 0
    /// In one seed of 16 everything goes through the wire's coders.
    private let coders: WireCoders?
    // Faults that last for some time
    var clockSkew: Int64 = 0
    var isBusy = false
    var isFull = false
    var refusesSignIn = false

    init(world: World, oracle: Oracle, transaction: SQLiteTransaction) throws {
        self.world = world
        self.oracle = oracle
        self.transaction = transaction
        let random = SharedRandomStream(RandomStream(seed: world.seed, name: "kernel"))
        kernel = Kernel(randomNumber: { random.next() }, schemas: [SimulatedPhotosSchema()])
        account = AccountID(high: 1, low: world.seed)
        _ = try kernel.prepare(at: world.wall(), in: transaction)
        try kernel.createAccount(
            account, name: "user", quotaByteCount: nil, at: world.wall(), in: transaction)
        let zones = try kernel.zones(of: account, in: transaction)
        guard let photos = zones.first(where: { $0.kind == ZoneKind.photos }) else {
            preconditionFailure("An account comes with its photo zone.")
        }
        zone = photos
        coders = world.seed % 16 == 0 ? WireCoders() : nil
        pageRecordCount = Int(world.schedule.within(1...12))
    }

    var wall: Timestamp { world.wall(skew: clockSkew) }

    // MARK: The process

    func crash(_ interrupted: String) {
        world.counters.add(.interruption, "serverCrash at \(interrupted)")
        world.fault(.serverCrash, interrupted)
        stop()
        world.after(world.faults.within(200...30_000)) { [self] in start() }
    }

    private func stop() {
        downSince = world.now
        incarnation += 1
        for key in volatile { objects[key] = nil }
        volatile = []
        for upload in staged.keys.sorted() {
            let content = staged[upload] ?? .empty
            staged[upload] = content.prefix(world.faults.within(0...content.byteCount))
        }
        network?.serverWent()
    }

    private func start() {
        downSince = nil
        world.step("serverStart", "")
        network?.announceToAll()
    }

    /// Goes on after a while, unless the process has ended by then, or ends right here.
    private func later(
        _ delay: ClosedRange<Int64>, _ what: String, _ action: @escaping () -> Void
    ) {
        let incarnation = incarnation
        world.after(delay) { [self] in
            guard incarnation == self.incarnation else { return }
            if world.faults.strikes(.serverCrash) { return crash("before " + what) }
            world.step("server", what)
            action()
        }
    }

    /// Answers, unless the process ends just before.
    private func finish(
        _ answer: Answer, _ result: Result<Reply, RequestFailure>, _ what: String,
        content: Content? = nil
    ) {
        if world.faults.strikes(.serverCrash) { return crash("after " + what) }
        answer(result, content)
    }

    // MARK: Requests

    func handle(
        _ request: Request, _ payload: [Content], from device: SimulatedDevice,
        answer: @escaping Answer
    ) {
        world.counters.add(.server, request.name)
        if refusesSignIn { return answer(.failure(.signInNeeded), nil) }
        if isBusy {
            return answer(.failure(.retryLater(code: "serverBusy", seconds: 5)), nil)
        }
        if isFull, request.sendsFiles { return answer(.failure(.serverStorageFull), nil) }
        switch request {
        case .pack(let files):
            storeAll(files, payload) { [self] results in
                finish(answer, .success(.packed(results)), request.name)
            }
        case .put(let file):
            storeAll([file], payload) { [self] results in
                let failure = results.first?.failure
                let result: Result<Reply, RequestFailure> =
                    failure.map { .failure($0) } ?? .success(.stored(file.digest))
                finish(answer, result, request.name)
            }
        case .uploadPart(let upload, let file, let offset, let byteCount):
            append(payload, to: upload, file, offset, byteCount, answer)
        case .reportState, .changes, .have, .createUpload, .uploadOffset, .commit, .receipts,
            .download:
            later(0...20, request.name) { [self] in
                let (result, content) = attempt(request, from: device)
                finish(answer, result, request.name, content: content)
            }
        }
    }

    private func attempt(
        _ request: Request, from device: SimulatedDevice
    ) -> (Result<Reply, RequestFailure>, Content?) {
        do {
            switch request {
            case .download(let digest, _, _):
                let location = try inSavepoint { try kernel.object(digest, for: account, in: $0) }
                guard let content = objects[location.key] else {
                    world.violate("The server holds \(digest) and has no bytes for it.")
                    return (.failure(.notFound), nil)
                }
                let reply = Reply.downloaded(content.digest, byteCount: content.byteCount)
                return (.success(reply), content)
            case .receipts(let digests):
                return (.success(.receipts(try receipts(for: digests))), nil)
            case .uploadOffset(let upload):
                guard let content = staged[upload] else { return (.failure(.notFound), nil) }
                return (.success(.uploadOffset(content.byteCount)), nil)
            case .createUpload(let upload, _):
                staged[upload] = staged[upload] ?? .empty
                return (.success(.uploadOffset(staged[upload]?.byteCount ?? 0)), nil)
            default:
                return (.success(try kernelReply(to: request, from: device)), nil)
            }
        } catch {
            return (.failure(failure(for: error, of: request)), nil)
        }
    }

    private func kernelReply(to request: Request, from device: SimulatedDevice) throws -> Reply {
        switch request {
        case .reportState(_, let runs):
            let zone = try currentZone()
            var notice = ServerNotice()
            if let last = lastRuns[device.index] { notice.isCloned = !runs.contains(last) }
            if runs.isEmpty { notice.isCloned = false }
            // A message of an ended run may come late, and nobody hears its answer: devices
            // that say they are copied are looked for in their statuses.
            lastRuns[device.index] = runs.last ?? lastRuns[device.index]
            return .stateReported(
                epoch: zone.epoch, head: zone.head, token: zone.token, notice: notice)
        case .changes(let token):
            var page = try changes(after: token)
            if world.plantedBug == .recordSkipped, world.schedule.oneIn(4) {
                page = ChangePage(
                    records: Array(page.records.dropLast()), token: page.token, more: page.more)
            }
            if world.plantedBug == .tombstoneDropped {
                page = ChangePage(
                    records: page.records.filter { !$0.isDeleted && !$0.isTrashed },
                    token: page.token, more: page.more)
            }
            return .changes(carry(page))
        case .have(let digests):
            return .missing(
                try inSavepoint { try kernel.have(digests, for: account, at: wall, in: $0) }
            )
        case .commit(let groups, let token):
            let groups = dropUnknown(carry(groups), from: device)
            let receipt = try commit(
                groups, by: Actor(account: account, device: device.settings.device), after: token,
                protocolNumber: device.protocolNumber)
            analyse(groups, receipt.results)
            return .committed(carry(receipt.results), token: carry(receipt.token))
        default:
            preconditionFailure("\(request.name) is answered elsewhere.")
        }
    }

    private func changes(after token: ChangeToken?) throws -> ChangePage {
        do {
            return try inSavepoint {
                try kernel.changes(
                    in: zone.id, for: account, after: token, limit: pageRecordCount, in: $0)
            }
        } catch let error as KernelError {
            let isFromBefore =
                error.code == .changeTokenExpired || error.code == .serverRolledBack
            guard isFromBefore, world.plantedBug == .epochNotCompared else { throw error }
            return ChangePage(records: [], token: try headToken(), more: false)
        }
    }

    func commit(
        _ groups: [ChangeGroup], by actor: Actor, after token: ChangeToken? = nil,
        protocolNumber: Int = WireProtocol.current
    ) throws -> CommitReceipt {
        if world.plantedBug == .groupIDNotKept {
            try transaction.execute("DELETE FROM savedGroup")
        }
        let receipt = try inSavepoint {
            try kernel.apply(
                groups, to: zone.id, by: actor, after: token, protocolNumber: protocolNumber,
                at: wall, in: $0)
        }
        forgetReads()
        oracle.committed(groups, receipt, by: actor.device)
        if receipt.changed {
            head = receipt.token.sequence
            network?.announceToAll()
        }
        return receipt
    }

    private func carry<Value: Codable & Equatable>(_ value: Value) -> Value {
        guard let coders else { return value }
        guard let arrived = coders.carry(value) else {
            world.violate("The wire changes a value: \(value)")
            return value
        }
        return arrived
    }

    /// Runs one transaction of the kernel.
    func inSavepoint<R>(_ body: (any Transaction) throws -> R) throws -> R {
        try transaction.savepoint { try body(transaction) }
    }

    func currentZone() throws -> Zone {
        if let zoneRead { return zoneRead }
        let read = try inSavepoint { try kernel.zone(zone.id, for: account, in: $0) }
        zoneRead = read
        return read
    }

    private func failure(for error: any Error, of request: Request) -> RequestFailure {
        guard let error = error as? KernelError else {
            world.violate("The server failed: \(error)")
            return .refused(code: "internal", message: "\(error)")
        }
        switch error.code {
        case .changeTokenExpired: return .changeTokenExpired
        case .serverRolledBack: return newEpoch(after: request)
        case .blobNotFound, .uploadNotFound: return .notFound
        case .overQuota: return .accountFull
        default:
            world.violate("The kernel refuses: \(error.code) \(error.message)")
            return .refused(code: error.code.rawValue, message: error.message)
        }
    }

    private func newEpoch(after request: Request) -> RequestFailure {
        do {
            switch request {
            case .changes(let token?): try beginEpoch(provenBy: .token(token))
            case .commit(let groups, let token):
                if let token { try beginEpoch(provenBy: .token(token)) }
                try beginEpoch(provenBy: .bases(groups.flatMap(\.changes).compactMap(\.base)))
            default: world.violate("\(request.name) proves no rollback.")
            }
        } catch {
            world.violate("No new epoch: \(error)")
        }
        return .changeTokenExpired
    }

    // MARK: Bytes

    /// Takes bytes, makes them durable, then makes them the account's, in this order; the process
    /// can end between any two.
    private func storeAll(
        _ files: [FileToSend], _ payload: [Content],
        _ answer: @escaping ([BlobOutcome]) -> Void
    ) {
        later(0...30, "store") { [self] in
            var stored: [StoredObject] = []
            let results = zip(files, payload).map { file, content in
                oracle.checkSent(file)
                guard content.digest == file.digest else {
                    return BlobOutcome(
                        digest: file.digest, failure: .digestMismatch(file.digest))
                }
                stored.append(store(content))
                return BlobOutcome(digest: file.digest, failure: nil)
            }
            later(0...20, "hold") { [self] in
                hold(stored)
                answer(results)
            }
        }
    }

    func store(_ content: Content) -> StoredObject {
        objectCount += 1
        let key = ObjectKey(text: "\(objectCount)")
        objects[key] = content
        if world.plantedBug == .acknowledgedEarly {
            volatile.append(key)
            world.after(2_000) { [self] in volatile.removeAll { $0 == key } }
        }
        return StoredObject(key: key, digest: content.digest, byteCount: content.byteCount)
    }

    func hold(_ stored: [StoredObject]) {
        do {
            let surplus = try inSavepoint {
                try kernel.addHoldings(
                    stored.map { HeldObject(object: $0, verifiedAt: nil) }, for: account,
                    at: wall, in: $0)
            }
            for key in surplus { objects[key] = nil }
            oracle.acknowledged(stored.map(\.digest))
        } catch {
            world.violate("The kernel does not hold what was stored: \(error)")
        }
    }

    private func append(
        _ payload: [Content], to upload: UploadID, _ file: FileToSend, _ offset: Int64,
        _ byteCount: Int64, _ answer: @escaping Answer
    ) {
        later(0...30, "uploadPart") { [self] in
            guard let content = payload.first, let before = staged[upload] else {
                return answer(.failure(.notFound), nil)
            }
            guard before.byteCount == offset else {
                return answer(
                    .failure(
                        .refused(
                            code: "offsetMismatch",
                            message: "The upload stands at \(before.byteCount).")), nil)
            }
            var now = content.prefix(offset + byteCount)
            if offset > 0, before != content.prefix(offset) {
                now = now.damaged(by: before.digest.bytes.reduce(5) { $0 &* 31 &+ UInt64($1) })
            }
            staged[upload] = now
            guard now.byteCount >= file.byteCount else {
                return finish(answer, .success(.uploadOffset(now.byteCount)), "uploadPart")
            }
            staged[upload] = nil
            guard now.digest == file.digest else {
                return finish(answer, .failure(.digestMismatch(file.digest)), "uploadPart")
            }
            let stored = store(now)
            later(0...20, "hold") { [self] in
                hold([stored])
                finish(answer, .success(.stored(file.digest)), "uploadPart")
            }
        }
    }
}
