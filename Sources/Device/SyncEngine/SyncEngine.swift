import Library
import Records
import Status

/// The sync of one device: events in, effects and status out, no I/O at all.
///
/// What it promises, whatever order events come in and wherever the process ends:
/// - E1. Rows hold observations, never outstanding work: after a crash the same plan comes out again.
/// - E2. Nothing of the user's is overwritten or removed. A file that vanished loses its row, no more.
/// - E3. Every id that it sends follows from what it names: a repeated request is the same request.
/// - E4. A file appears in the library only after its bytes were checked against its digest and are
///   durable; nothing is written while the library's mark is not there.
/// - E5. One item never holds up another: each has its own tries. What stops all of them is a gate
///   with its evidence, and lets a probe through when its next try is due.
/// - E6. A sync with nothing to do makes two requests: the feed and the device's state.
/// - E7. The same events, moments and random numbers give the same effects.
///
/// `handle` takes an event, changes what it knows, and then lets every part start what it can:
/// folders, readings, the feed, uploads, downloads, reports; each in its own file.
package struct SyncEngine: Sendable {
    package struct Options: Sendable {
        /// `--once`: ends with `finished` when nothing more can be done.
        package var once: Bool
        /// Of this program.
        package var version: String
        /// Before signing out: originals that are safe in the cloud leave, nothing else is done.
        package var removesOriginals: Bool
        /// What this program speaks: a record that requires more is read-only here (P11).
        package var protocolNumber: Int
        /// How long what an edit replaced counts as across: a day less than the server keeps it.
        package var remembersEarlierMilliseconds: Int64
        package init(
            once: Bool, version: String = "", removesOriginals: Bool = false,
            protocolNumber: Int = WireProtocol.current,
            remembersEarlierMilliseconds: Int64 = Int64(Limits.retainedDays - 1) * 86_400_000
        ) {
            self.protocolNumber = protocolNumber
            self.remembersEarlierMilliseconds = remembersEarlierMilliseconds
            self.once = once
            self.version = version
            self.removesOriginals = removesOriginals
        }
    }

    let options: Options
    let randomNumber: @Sendable () -> UInt64
    /// An existential makes the engine address-only: a method that reads it is handed its address,
    /// and not, as with structs of plain values, a copy of its several kilobytes.
    private let addressOnly: any Sendable = ()

    var now = Moment(uptime: 0, wall: Timestamp(milliseconds: 0))
    var effects: [Effect] = []
    var settings: DeviceSettings?
    var roots: [RootRow] = []
    private var lastIdentifier: Int64 = 0
    private var armedTimer: Int64?

    var requests: [RequestID: Outgoing] = [:]
    var operations: [OperationID: DiskWork] = [:]
    var serverGate = Gate()
    var circumstances = Circumstances()
    var library = LibraryHealth()
    var comparison = Comparison()
    var reading = Reading()
    var openPass = OpenPass()
    var feed = FeedReading()
    var userChanges = UserChanges()
    var uploads = Uploads()
    var downloads = Downloads()
    var previews = Previews()
    var librarySync = LibrarySync()
    var removals = Removals()
    var renaming = Renaming()
    var optimizing = Optimizing()
    var localChanges = LocalChanges()
    var evictions = Evictions()
    var runs = Runs()
    var traffic = Traffic()
    var reporting = Reporting()
    var asides = Asides()
    var finished: Outcome?
    /// The event under way brought what was known: nobody's status changes by it.
    var foundNothingNew = false

    package init(options: Options, randomNumber: @escaping @Sendable () -> UInt64) {
        self.options = options
        self.randomNumber = randomNumber
    }

    var retryRule: RetryRule { RetryRule(once: options.once, randomNumber: randomNumber) }

    /// Handles one event inside one transaction of `rows`; effects may be performed once it commits.
    package mutating func handle(
        _ event: Event, at moment: Moment, rows: some Rows
    ) throws(RowsError) -> [Effect] {
        now = moment
        effects.removeAll(keepingCapacity: true)
        foundNothingNew = false
        guard finished == nil else { return [] }
        try take(event, rows)
        try advance(rows)
        armTimer()
        return effects
    }

    private mutating func take(_ event: Event, _ rows: any Rows) throws(RowsError) {
        switch event {
        case .started: try start(rows)
        case .markRead(let result): try markRead(result, rows)
        case .folderRead(let folder, let result): try folderRead(folder, result, rows)
        case .placeExamined(let place, let result): try placeExamined(place, result, rows)
        case .fileRead(let place, let result): try fileRead(place, result, rows)
        case .diskDone(let id, let result): try diskDone(id, result, rows)
        case .replied(let id, let result): try replied(id, result, rows)
        case .progressed(let id, let byteCount): traffic.progressed(id, byteCount, at: now)
        case .timerFired: armedTimer = nil
        case .readingProgressed(let place, let byteCount):
            if reading.inFlight[place] != nil { reading.progress[place] = byteCount }
        case .readingCrashed(let files): try readingCrashed(files, rows)
        case .placeChanged(let place):
            noticeTop(place.folder)
            examine(place)
        case .folderChanged(let folder):
            noticeTop(folder)
            noticeTop(Folder(root: folder.root, path: folder.path.parent ?? .root))
            enqueue(folder, deep: false)
        case .watchOverflowed:
            readMark()
            startComparison()
        case .zoneChanged(let head, let token):
            feed.heard(of: head, token)
            serverGate.retryNow(at: now)
        case .noticeChanged(let version): heardOfNotice(version)
        // Whoever has nothing to ask hears of a server's end by nothing else.
        case .eventStreamEnded: reporting.isNoticeStale = true
        case .conditions(let conditions): take(conditions)
        case .command(let command): try obey(command, rows)
        }
    }

    private mutating func start(_ rows: any Rows) throws(RowsError) {
        settings = try rows.settings
        roots = try rows.roots
        try readAllowances(rows)
        try readChoices(rows)
        feed.state = try rows.feed()
        try loadAsides(rows)
        feed.isNeeded = true
        if feed.state.listing == 0 { feed.state.listing = 1 }
        try reloadMissing(rows)
        try beginRun(rows)
        readMark()
        perform(.listTemporaries, .listTemporaries)
        startComparison()
    }

    private mutating func obey(_ command: Command, _ rows: any Rows) throws(RowsError) {
        settings = try rows.settings
        switch command {
        case .compareAll:
            feed.isNeeded = true
            readMark()
            startComparison()
        case .choicesChanged:
            try readChoices(rows)
            downloads.isPassNeeded = true
            evictions.startAnew()
            lookForPreviews()
        case .retryNow:
            evictions.startAnew()
            try retryAsides(rows)
        case .syncNow: circumstances.isOverridden = true
        // Either may be the first to say what rows say of both.
        case .pauseChanged, .serviceChanged: try allowancesChanged(rows)
        case .userDecided: userChanges.pass()
        case .libraryAccepted: libraryAccepted()
        case .rootsChanged:
            let known = roots
            roots = try rows.roots
            try readChoices(rows)
            for gone in known where !roots.contains(gone) {
                try forget(Folder(root: gone.id, path: .root), rows)
            }
            startComparison()
        }
        try reloadMissing(rows)
        retryEverything()
    }

    mutating func retryEverything() {
        serverGate.retryNow(at: now)
        uploads.gate.retryNow(at: now)
        downloads.gate.retryNow(at: now)
        userChanges.retryNow(at: now)
        uploads.retryNow(at: now)
        downloads.retryNow(at: now)
        previews.retryNow(at: now)
        removals.attempts.retryNow(at: now)
        renaming.attempts.retryNow(at: now)
        localChanges.commits.retryNow(at: now)
        if library.isMissing { readMark() }
    }

    private mutating func advance(_ rows: any Rows) throws(RowsError) {
        try checkDeadlines(rows)
        advanceConditions()
        advanceFolders()
        try advanceService(rows)
        try advanceReading(rows)
        try advanceFeed(rows)
        try advanceOpenPass(rows)
        try advanceUserChanges(rows)
        try advanceMissing(rows)
        try advanceLocalCommits(rows)
        try advanceUploads(rows)
        try advanceMark(rows)
        try advanceRemovals(rows)
        try advanceRenaming(rows)
        try advanceEvictions(rows)
        try advancePreviews(rows)
        try advanceDownloads(rows)
        advanceKeepingAwake()
        try advanceReport(rows)
        if options.once { try finishIfIdle(rows) }
    }

    private mutating func checkDeadlines(_ rows: any Rows) throws(RowsError) {
        if let due = comparison.nextAt, due <= now.uptime { startComparison() }
        uploads.takeDue(at: now)
        downloads.takeDue(at: now)
        takeSettled()
    }

    private mutating func armTimer() {
        guard finished == nil else { return }
        // What is due and still waits, waits for an event, not for time.
        var next = armedTimer ?? .max
        func consider(_ deadline: Int64?) {
            if let deadline, deadline > now.uptime { next = min(next, deadline) }
        }
        consider(library.nextReading)
        consider(serverGate.nextTry)
        consider(userChanges.nextTry)
        consider(uploads.gate.nextTry)
        consider(uploads.nextDeadline)
        consider(downloads.gate.nextTry)
        consider(downloads.nextDeadline)
        consider(downloads.passContinuesAt)
        consider(previews.nextDeadline)
        consider(reading.settling.first?.at)
        consider(reporting.nextDeadline)
        consider(nextConditionsReading)
        consider(circumstances.nextDeadline(at: now))
        consider(removals.nextDeadline)
        consider(renaming.nextDeadline)
        consider(evictions.nextTry)
        consider(localChanges.commits.nextTry)
        consider(localChanges.editsWaitUntil)
        if !openPass.isPaused { consider(openPass.continuesAt) }
        if !options.once {
            consider(comparison.nextAt)
            consider(library.raisesAt)
            consider(localChanges.checkAt)
        }
        guard next < armedTimer ?? .max else { return }
        armedTimer = next
        effects.append(.setTimer(TimerID(rawValue: 1), uptime: next))
    }

    mutating func newIdentifier() -> Int64 {
        lastIdentifier += 1
        return lastIdentifier
    }

    mutating func perform(_ operation: DiskOperation, _ work: DiskWork) {
        let id = OperationID(rawValue: newIdentifier())
        operations[id] = work
        effects.append(.disk(id, operation))
    }

    @discardableResult
    mutating func send(_ request: Request, _ outgoing: Outgoing) -> RequestID {
        let id = RequestID(rawValue: newIdentifier())
        requests[id] = outgoing
        serverGate.pass()
        effects.append(.send(id, request))
        return id
    }
}

/// What a request that is under way was for.
enum Outgoing: Sendable {
    case report(LibraryStatus)
    /// Of this listing.
    case changes(Int64)
    case have([Digest])
    case pack([Digest])
    case put(Digest)
    case createUpload(Digest)
    case uploadPart(Digest, byteCount: Int64)
    case commit([CommitEntry])
    case userChanges([UserChanges.Entry])
    case commitLocal([LocalCommit])
    case receipts([Digest])
    case download(Digest)
    case preview(RecordID, byteCount: Int64)

    /// Whether it carries one item's bytes.
    var isTransfer: Bool {
        switch self {
        case .pack, .put, .createUpload, .uploadPart, .download, .preview: true
        case .report, .changes, .have, .commit, .userChanges, .commitLocal, .receipts: false
        }
    }
}

/// What a disk operation that is under way was for.
enum DiskWork: Sendable {
    case listTemporaries
    case removeTemporary(TemporaryName)
    case renew(Digest)
    case copy(Digest, from: Place)
    case setTime(Digest)
    case createFolder(Folder)
    case syncLibrary
    /// Of a library that was found.
    case syncFound
    case move(Digest, to: Place)
    case syncFolder(Folder)
    /// This run's id.
    case syncRun
    /// A generation of the mark.
    case announceMark(Int64)
    case writeMark(Int64)
    /// Of an earlier run’s intent for the file of this place.
    case locate(Place)
    case dropSecondName(Place)
    case syncMoved(Place)
    /// Of the batch on its way to the trash.
    case syncRemovals
    case moveAside(Place)
    case syncRemoved
    case purge(AsideName)
    /// From the trash into a file in the making.
    case reclaim(Digest, AsideName)
    case syncRenames
    case rename(Place)
    case syncRenamed
    /// Of an earlier run's rename: the file lies at its new place, with this stamp.
    case syncLocatedRename(Place, FileStamp)
    case evicting(EvictionWork)
    case preview(PreviewWork)
}
