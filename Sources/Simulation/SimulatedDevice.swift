import Library
import Records
import Status
import SyncEngine

/// One device: the production engine with its rows, on simulated disks.
///
/// It performs the engine's effects one by one, and may lose its process or its power between any
/// two.
final class SimulatedDevice {
    static let incoming = RelativePath(".martlet/incoming")
    static let trash = RelativePath(".martlet/trash")
    static let leaving = RelativePath(".martlet/leaving")
    static let previews = RelativePath(".martlet/previews")

    let index: Int
    let name: String
    let world: World
    let network: SimulatedNetwork
    let oracle: Oracle
    let settings: DeviceSettings
    /// With `--once`: the process ends by itself, and is started again from time to time.
    let runsOnce: Bool
    /// What its program speaks.
    let protocolNumber: Int
    /// `nil`: as long as in life, which no simulation reaches.
    let remembersEarlierMilliseconds: Int64?
    /// The library at 0, sources behind it.
    let disks: [SimulatedDisk]
    /// Those that answer every call with EIO.
    var failingDisks: Set<RootID> = []
    var rows: RowsHistory
    /// What lies in the library's `.martlet/mark`.
    var mark: LibraryMark
    private var engine: RunningEngine?
    /// How the last `--once` that came to its end ended.
    private(set) var outcome: Outcome?
    /// Raised with each start: what was under way before belongs to nobody.
    private(set) var incarnation = 0
    /// When this process began, or the way to the network opened or closed since.
    private(set) var onWaySince: Int64 = 0
    /// What the user ever said something about.
    var chosen: Set<RecordID> = []
    /// Files that answers of the user moved away.
    var trashedByHandCount = 0
    /// What its process has heard of the photos service.
    private(set) var knownService = ServiceState.on
    /// What a user took away while photos were off, and when last; and while they were on.
    var removedWhileOff: [Digest: Int64] = [:]
    var removedWhileOn: Set<Digest> = []
    /// What its status said when somebody last looked.
    private var lastState = "unseen"
    /// Events since then, and effects: not yet in the counters.
    private var events = Tally()
    private var effects = Tally()
    private(set) var watched: Set<Folder> = []
    private var timers: [TimerID: UInt64] = [:]
    private var timerSerial: UInt64 = 0
    private var bootedAt: Int64 = 0
    var clockSkew: Int64
    /// What the machine says when it is asked.
    private(set) var conditions = Conditions()
    private var engineRandom: SharedRandomStream
    /// Places that the engine has read itself since it made them.
    var placesRead: Set<Place> = []
    /// Names that the engine made and whose folder was not synced since: they may vanish, and are
    /// found missing by the next comparison.
    var placesUnsynced: Set<Place> = []
    /// When its sources were away last, until then.
    var sourcesCameAt = Timestamp(milliseconds: 0)
    /// Digests of an asset's parts when its original was asked to leave.
    var partsLeaving: [AsideName: Set<Digest>] = [:]
    /// Effects whose event has not come yet; 0 means that only timers and others can wake it.
    private(set) var underWayCount = 0
    /// Requests since the last start, and those of them that report the state.
    var requestCount = 0
    var reportCount = 0

    init(
        index: Int, world: World, network: SimulatedNetwork, oracle: Oracle,
        settings: DeviceSettings, sourceCount: Int, runsOnce: Bool,
        protocolNumber: Int, remembersEarlierMilliseconds: Int64?
    ) {
        self.protocolNumber = protocolNumber
        self.remembersEarlierMilliseconds = remembersEarlierMilliseconds
        self.index = index
        name = "device \(index)"
        self.world = world
        self.network = network
        self.oracle = oracle
        self.settings = settings
        self.runsOnce = runsOnce
        disks = (0...sourceCount).map { _ in SimulatedDisk(profile: .init(&world.disks)) }
        rows = RowsHistory(settings: settings, sourceCount: sourceCount)
        mark = LibraryMark(
            library: settings.library, device: settings.device,
            generation: settings.markGeneration)
        clockSkew = world.schedule.within(-120_000...120_000)
        engineRandom = SharedRandomStream(
            RandomStream(seed: world.seed &+ UInt64(index), name: "ids"))
        for path in [Self.incoming, Self.trash, Self.leaving] {
            try? disks[0].makeFolder(path, by: .engine)
        }
        disks[0].syncAll()
    }

    var isRunning: Bool { engine != nil }
    var library: SimulatedDisk { disks[0] }
    var moment: Moment {
        Moment(uptime: world.now - bootedAt, wall: world.wall(skew: clockSkew))
    }

    // MARK: The process

    func start() {
        guard engine == nil else { return }
        incarnation += 1
        onWaySince = world.now
        requestCount = 0
        reportCount = 0
        let random = engineRandom
        let understood =
            world.plantedBug == .requiresIgnored
            ? SimulatedServer.protocols.upperBound : protocolNumber
        var options = SyncEngine.Options(once: runsOnce, protocolNumber: understood)
        if let remembersEarlierMilliseconds {
            options.remembersEarlierMilliseconds = remembersEarlierMilliseconds
        }
        engine = RunningEngine(SyncEngine(options: options, randomNumber: { random.next() }))
        world.step("start", name, mark: UInt64(index))
        deliver(.started, kind: "started")
        network.connected(self)
    }

    /// The process ends; the disk's cache and the rows stay as they are.
    func endProcess() {
        engine = nil
        incarnation += 1
        watched = []
        timers = [:]
        underWayCount = 0
        network.disconnected(self)
    }

    func crash(_ interrupted: String) {
        world.counters.add(.interruption, "agentCrash at \(interrupted)")
        world.fault(.agentCrash, "\(name) at \(interrupted)")
        endProcess()
        startLater()
    }

    /// Whether another file of its user's has any of these bytes.
    func holds(_ digests: Set<Digest>, elsewhereThan place: Place) -> Bool {
        disks.enumerated().contains { root, disk in
            disk.files().contains { path, node in
                path.isImportable && digests.contains(disk.nodes[node].content.digest)
                    && !(root == Int(place.root.rawValue) && path == place.path)
            }
        }
    }

    /// Everything that was not durable may be gone, in the rows as on the disks.
    func losePower(_ interrupted: String) {
        world.counters.add(.interruption, "powerCut at \(interrupted)")
        world.fault(.powerCut, "\(name) at \(interrupted)")
        endProcess()
        rows.goBack(world.faults.below(rows.statesBack + 1))
        let trusted = trustedFiles()
        let before = contentsThatMayVanish()
        for disk in disks { world.faults.cutPower(disk) }
        before.subtracting(contentsThatMayVanish()).forEach(oracle.userRemoves)
        oracle.powerCut(self, trusted: trusted)
        oracle.filesChanged(on: self)
        oracle.checkPreviewsAfterPowerCut(self)
        placesRead = []
        placesUnsynced = []
        bootedAt = world.now
        startLater()
    }

    /// What users wrote or renamed without syncing is theirs to lose; a picture that is left only
    /// under a name that no picture has, is lost to Martlet.
    private func contentsThatMayVanish() -> Set<Content> {
        // Also on a disk that is away.
        let isMissing = library.isMissing
        library.isMissing = false
        defer { library.isMissing = isMissing }
        return Set(
            library.files().filter(\.path.isImportable).map { library.nodes[$0.node] }
                .filter { $0.maker == .user || $0.isRenamedByUser }.map(\.content))
    }

    private func startLater() {
        world.after(world.faults.within(500...60_000)) { [self] in start() }
    }

    // MARK: Events

    /// Hands an event to the engine, unless its process has ended since.
    func deliver(_ event: Event, kind: StaticString, of incarnation: Int? = nil) {
        guard incarnation ?? self.incarnation == self.incarnation, let engine else { return }
        events.add(kind)
        world.step(kind, "\(name) \(event)", mark: UInt64(index))
        let moment = moment
        if world.faults.strikes(.rowsFailed) {
            // The agent throws the engine away with the transaction, and begins anew.
            world.counters.add(.interruption, "rowsFailed at \(kind)")
            world.fault(.rowsFailed, "\(name) at \(kind)")
            endProcess()
            return startLater()
        }
        do {
            let effects = try rows.transaction { rows throws(RowsError) in
                try engine.value.handle(event, at: moment, rows: rows)
            }
            switch event {
            case .started, .command(.serviceChanged), .command(.pauseChanged):
                knownService = rows.current.photosService()
            default: break
            }
            for effect in effects { begin(effect) }
        } catch {
            world.violate("\(name): the engine failed at \(kind): \(error.message)")
        }
    }

    /// Answers an effect after a while.
    func answer(
        _ event: Event, kind: StaticString, within delay: ClosedRange<Int64> = 0...3
    ) {
        let incarnation = incarnation
        world.after(delay) { [self] in
            guard incarnation == self.incarnation else { return }
            underWayCount -= 1
            deliver(event, kind: kind, of: incarnation)
        }
    }

    private func begin(_ effect: Effect) {
        effects.add(effect.name)
        world.note("\(name) → \(effect)")
        switch effect {
        case .setTimer(let timer, let uptime): set(timer, uptime)
        case .cancel(let request): network.cancel(request, of: self)
        case .watch(let folder): watched.insert(folder)
        case .keepAwake: break
        case .finished(let outcome): finish(outcome)
        case .readConditions:
            underWayCount += 1
            answer(.conditions(conditions), kind: "conditions")
        case .readMark, .readFolder, .examine, .readFile, .disk, .send:
            underWayCount += 1
            let incarnation = incarnation
            if case .send(_, let request) = effect { checkMaySend(request) }
            if case .disk(_, .giveUp(let name, _)) = effect { noteParts(at: name) }
            let isSlow = world.schedule.oneIn(25)
            world.after(isSlow ? 50...2_000 : 0...4) { [self] in
                guard incarnation == self.incarnation else { return }
                if interrupt(effect) { return }
                world.step("perform", "\(name) \(effect)", mark: UInt64(index))
                perform(effect)
                _ = interrupt(effect)
            }
        }
    }

    /// True when the process or the power goes right here.
    private func interrupt(_ effect: Effect) -> Bool {
        let isTender = effect.isTender && !isRoutine(effect)
        if world.faults.strikes(.agentCrash, isTender: isTender) {
            crash(effect.name.description)
            return true
        }
        if world.faults.strikes(.powerCut, isTender: isTender) {
            losePower(effect.name.description)
            return true
        }
        return false
    }

    /// What each start does, and no file hangs on: a seed's few crashes are for the rest.
    private func isRoutine(_ effect: Effect) -> Bool {
        switch effect {
        case .disk(_, .writeMark): true
        case .disk(_, .syncRows): rows.current.intents().isEmpty
        default: false
        }
    }

    private func set(_ timer: TimerID, _ uptime: Int64) {
        timerSerial += 1
        let (serial, incarnation) = (timerSerial, incarnation)
        timers[timer] = serial
        world.after(uptime - moment.uptime) { [self] in
            guard incarnation == self.incarnation, timers[timer] == serial else { return }
            timers[timer] = nil
            deliver(.timerFired(timer), kind: "timerFired", of: incarnation)
        }
    }

    private func finish(_ outcome: Outcome) {
        world.step("finished", "\(name) \(outcome)", mark: UInt64(index))
        if !runsOnce { world.violate("\(name) finished although it is to go on.") }
        if outcome == .inSync { oracle.checkInSync(self) }
        endProcess()
        self.outcome = outcome
        world.after(world.schedule.within(5_000...120_000)) { [self] in start() }
    }

    // MARK: The watcher

    /// Something of this root's files changed, by the user's hand or the engine's.
    func noticed(_ root: RootID, _ path: RelativePath, isFolder: Bool = false) {
        guard isRunning else { return }
        let place = Place(root: root, path: path)
        guard watched.contains(place.folder) else { return }
        if world.faults.strikes(.notificationLost) {
            world.fault(.notificationLost, "\(place)")
            // The system says so, or nobody does: then the next comparison finds it.
            guard world.schedule.oneIn(2) else { return }
            tell(.watchOverflowed, kind: "watchOverflowed")
        } else if isFolder {
            tell(.folderChanged(place.folder), kind: "folderChanged")
        } else {
            tell(.placeChanged(place), kind: "placeChanged")
        }
    }

    func tell(_ event: Event, kind: StaticString, within delay: ClosedRange<Int64> = 0...40) {
        let incarnation = incarnation
        world.after(delay) { [self] in deliver(event, kind: kind, of: incarnation) }
    }

    /// The machine's conditions change, and it tells of it.
    func change(to conditions: Conditions) {
        if conditions.network != self.conditions.network { onWaySince = world.now }
        self.conditions = conditions
        tell(.conditions(conditions), kind: "conditions")
    }

    // MARK: What the oracle asks

    /// Somebody looked, and this is what the status said.
    func said(_ state: LibraryState) {
        guard state.rawValue != lastState else { return }
        countEvents()
        lastState = state.rawValue
    }

    /// Takes what happened into the counters.
    func countAll() {
        countEvents()
        for (name, count) in effects.drain() { world.counters.add(.effect, name, count) }
    }

    private func countEvents() {
        for (name, count) in events.drain() {
            world.counters.add(.event, name, count)
            world.counters.add(.transition, lastState + " " + name, count)
        }
    }

    func status() -> LibraryStatus? {
        guard let engine else { return nil }
        do {
            return try engine.value.status(at: moment, rows: rows.current)
        } catch {
            world.violate("\(name): no status: \(error.message)")
            return nil
        }
    }

    /// Library files that the rows believe in without having read them: those that the engine put
    /// there itself.
    ///
    /// They must survive a power cut. Where an intent is, rows believe nothing: the engine looks at
    /// both places first, and another revision may lie in the first one already.
    private func trustedFiles() -> [(place: Place, digest: Digest)] {
        library.files().compactMap { path, node in
            let place = Place(root: .library, path: path)
            guard library.nodes[node].maker == .engine, !placesRead.contains(place) else {
                return nil
            }
            guard let digest = rows.content(at: place)?.digest,
                rows.current.intent(at: place) == nil
                    || library.nodes[node].content.digest == digest
            else { return nil }
            return (place, digest)
        }
    }
}

/// The engine of one process: changed in place, never copied.
private final class RunningEngine {
    var value: SyncEngine
    init(_ value: SyncEngine) { self.value = value }
}

/// Storage has a type of this name too.
typealias BlobOutcome = PackedResult

extension Effect {
    /// Whether it changes something, on the disk or on the server.
    fileprivate var isTender: Bool {
        switch self {
        case .disk(_, .listTemporaries), .disk(_, .listPreviews), .disk(_, .removeTemporary),
            .disk(_, .locate):
            false
        case .disk: true
        case .send(_, .reportState), .send(_, .changes), .send(_, .have): false
        case .send: true
        case .readMark, .readConditions, .readFolder, .examine, .watch, .readFile, .cancel,
            .keepAwake, .setTimer, .finished:
            false
        }
    }
}
