import Library
import Records
import Status
import SyncEngine
import Wire

/// One life of the engine, its rows, and all that performs for it.
///
/// It begins from the rows alone and ends for good: when it has finished, was stopped, or its
/// database failed. Nothing of it outlives `run` but its rows, so that the next life is what comes
/// after a crash: what was under way is cancelled, and answers that are late go nowhere.
final class AgentLife: Sendable {
    private let mailbox = Mailbox()
    private let loop: AgentLoop
    private let performer: EffectPerformer
    private let machine: MachineConditions
    private let follower: EventStreamClient?
    private let wanted = WantedBlobs()
    private let isOnce: Bool

    /// What a life is made of; the clients outlive it.
    struct Parts: Sendable {
        let home: DeviceHome
        let client: ServerClient
        let events: ServerClient?
        let surroundings: Surroundings
        var library: String
        let once: Bool
        let removesOriginals: Bool
        let policies: PolicySource
        let limits: TransferLimits
        let marks: ReadingMarks?
    }

    /// Opens the database; `suspicious`: it is read as a whole first.
    init(_ parts: Parts, suspicious: Bool) throws(RowsError) {
        let opened = try Self.open(parts.home, suspicious: suspicious)
        let (mailbox, surroundings, home) = (mailbox, parts.surroundings, parts.home)
        let post: @Sendable (Event) -> Void = { mailbox.post($0) }
        let machine = MachineConditions(parts)
        if !parts.once { machine.tell(post) }
        self.machine = machine
        isOnce = parts.once
        performer = EffectPerformer(
            disk: opened.disk,
            network: EffectPerformer.Network(
                client: parts.client, device: opened.settings.device, zone: opened.settings.zone,
                limits: parts.limits,
                receipts: ReceiptChecker(account: opened.settings.account) {
                    // A sign-in while this runs may have brought another one.
                    (try? home.configuration())?.receiptKey
                }, wanted: wanted),
            watcher: parts.once
                ? nil : machine.beginWatching(sleep: surroundings.sleep, post: post),
            conditions: machine.reader, marks: parts.marks, now: surroundings.now, post: post)
        follower = parts.events.map { client in
            EventStreamClient(
                client: client, zone: opened.settings.zone, sleep: surroundings.sleep, post: post)
        }
        loop = AgentLoop(
            rows: opened.rows,
            engine: SyncEngine(
                options: SyncEngine.Options(
                    once: parts.once, version: MartletVersion.text,
                    removesOriginals: parts.removesOriginals),
                randomNumber: surroundings.randomNumber),
            mailbox: mailbox, performer: performer, now: surroundings.now)
    }

    /// Runs until the engine has finished; `nil` when it was stopped.
    ///
    /// `commands` were given before it began; `crashed` is what the last process read when it crashed.
    func run(
        _ commands: [Command], crashed: [CrashedReading]
    ) async throws(RowsError) -> Outcome? {
        mailbox.post(.started)
        if !crashed.isEmpty { post(.readingCrashed(crashed)) }
        for command in commands { post(.command(command)) }
        let following = follower.map { follower in Task { await follower.run() } }
        let sending = Task { [wanted, loop, performer] in
            await wanted.serve(loop) { performer.requestPerformer() }
        }
        let result = await Result(of: { () async throws(RowsError) in try await loop.run() })
        mailbox.close()
        following?.cancel()
        wanted.end()
        if !isOnce { sending.cancel() }
        await sending.value
        await performer.stop()
        await machine.stop()
        return try result.get()
    }

    /// Ends `run` soon, in good order.
    func stop() { mailbox.close() }

    func post(_ event: Event) { mailbox.post(event) }

    func readConditions() { performer.readConditions() }

    func status() async throws(RowsError) -> LibraryStatus { try await loop.status() }

    /// `name`: a path or an id.
    func openStates() async -> [RecordID: ItemState] { await loop.openStates() }

    func story(of name: String) async throws(RowsError) -> ItemStory? {
        try await loop.story(of: name)
    }

    func withRows<R: Sendable>(
        _ body: @Sendable (DatabaseRows) throws(RowsError) -> R
    ) async throws(RowsError) -> R {
        try await loop.withRows(body)
    }

    /// Another process wrote roots or settings: the disk must know them before the engine does.
    func rootsChanged() async throws(RowsError) {
        let disk = try await loop.withRows { (rows) throws(RowsError) in try Self.disk(of: rows) }
        performer.use(disk)
        post(.command(.rootsChanged))
        post(.command(.compareAll))
    }

    private static func disk(of rows: DatabaseRows) throws(RowsError) -> DeviceDisk {
        var roots: [RootID: DiskRoot] = [:]
        for root in try rows.storedRoots() { roots[root.id] = root.disk }
        return DeviceDisk(roots: roots)
    }

    private static func open(
        _ home: DeviceHome, suspicious: Bool
    ) throws(RowsError)
        -> sending (
            rows: DatabaseRows, settings: DeviceSettings, disk: DeviceDisk
        )
    {
        let rows = try DatabaseRows(path: home.databasePath)
        if suspicious { try rows.check() }
        try rows.transaction { () throws(RowsError) in
            for root in try rows.finishedRoots() { try rows.removeRoot(root) }
        }
        return (rows, try rows.settings, try disk(of: rows))
    }
}
