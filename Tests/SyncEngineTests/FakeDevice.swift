import Library
import Records
import Status
import SyncEngine

/// One device with a disk in memory; its effects are performed one after another, in order.
final class FakeDevice {
    struct File: Equatable {
        var bytes: [UInt8]
        var inode: UInt64
        var modifiedAt: Int64
        var changedAt: Int64
        /// Of a file with holes, which takes less room than it has bytes.
        var byteCount: Int64?

        var stamp: FileStamp {
            FileStamp(
                inode: inode, byteCount: byteCount ?? Int64(bytes.count), modifiedAt: modifiedAt,
                changedAt: changedAt)
        }
    }

    let server: FakeServer
    let rows: MemoryRows
    let device: DeviceID
    var files: [Place: File] = [:]
    /// Places by another spelling of their names, which the disk takes for the listed one.
    var listedAs: [Place: Place] = [:]
    var folders: Set<Folder> = []
    var links: [Place: Entry.Kind] = [:]
    var temporaries: [TemporaryName: [UInt8]] = [:]
    /// Copies that took the name of what an earlier run left.
    var renewed: Set<TemporaryName> = []
    /// What lies in `.martlet/trash/` and `.martlet/leaving/`.
    var aside: [AsideName: File] = [:]
    var temporaryTimes: [TemporaryName: Int64] = [:]
    /// What lies in `.martlet/previews/`.
    var previews: [RecordID: [UInt8]] = [:]
    /// Inodes that a program writes to.
    var openForWriting: Set<UInt64> = []
    var mark: LibraryMark?
    /// How often rows were made durable.
    private(set) var syncCount = 0
    /// What else the library's folder shows.
    var look = LibraryLook(mark: nil)
    var missingRoots: Set<RootID> = []
    /// What the machine says when it is asked.
    var conditions = Conditions()
    var now = Moment(uptime: 1_000, wall: Timestamp(milliseconds: 1_700_000_000_000))
    private var inode: UInt64 = 100

    private(set) var engine: SyncEngine
    private var once: Bool
    /// As before a sign-out, from the next start on.
    var removesOriginals = false
    /// Of Martlet, from the next start on.
    var version = "1.9.2"
    private(set) var events: [Event] = []
    private var timer: Int64?
    private(set) var handled = 0
    var hasTransactions = true
    /// Spent in the engine and its rows.
    private(set) var engineTime = Duration.zero
    private(set) var outcome: Outcome?
    /// Every request that was sent, in order, by name.
    private(set) var requests: [String] = []
    private(set) var sent: [(name: String, at: Int64)] = []
    private(set) var log: [String] = []

    /// What becomes of a request, before the server sees it; `nil`: it goes through.
    var refuse: (Request) -> RequestFailure? = { _ in nil }
    /// Its reply is lost after the server did it.
    var loseReply: (Request) -> Bool = { _ in false }
    var failDisk: (DiskOperation) -> DiskError? = { _ in nil }
    var failFolder: (Folder) -> DiskError? = { _ in nil }
    var readResult: (Place) -> FileReadResult? = { _ in nil }
    /// What is under way and not answered, until `letGo`.
    var takesLong: (Effect) -> Bool = { _ in false }
    private(set) var underWay: [Effect] = []

    init(_ server: FakeServer, number: UInt64 = 1, optimizes: Bool = false, once: Bool = true) {
        self.server = server
        self.once = once
        device = DeviceID(high: 7, low: number)
        let library = LibraryID(high: 8, low: number)
        rows = MemoryRows(
            settings: DeviceSettings(
                account: AccountID(high: 1, low: 1), device: device, deviceName: "device \(number)",
                zone: ZoneID(high: 2, low: 2), idKey: Array(repeating: 5, count: 32),
                library: library, markGeneration: 1, optimizesStorage: optimizes),
            roots: [
                RootRow(id: .library, path: "/library"),
                RootRow(id: RootID(rawValue: 1), path: "/source"),
            ])
        mark = LibraryMark(library: library, device: device, generation: 1)
        engine = Self.engine(once: once)
        folders = [
            Folder(root: .library, path: .root), Folder(root: RootID(rawValue: 1), path: .root),
        ]
    }

    private static func engine(
        once: Bool, version: String = "1.9.2", removesOriginals: Bool = false
    ) -> SyncEngine {
        SyncEngine(
            options: SyncEngine.Options(
                once: once, version: version, removesOriginals: removesOriginals),
            randomNumber: { 256 })
    }

    // MARK: The user

    static func library(_ path: String) -> Place { Place(root: .library, path: RelativePath(path)) }
    static func source(_ path: String) -> Place {
        Place(root: RootID(rawValue: 1), path: RelativePath(path))
    }

    func write(_ text: String, to place: Place, ageSeconds: Int64 = 3_600) {
        inode += 1
        let time = (now.wall.milliseconds - ageSeconds * 1_000) * 1_000_000
        files[place] = File(
            bytes: Array(text.utf8), inode: inode, modifiedAt: time, changedAt: time)
        makeFolders(place.folder)
    }

    private func makeFolders(_ folder: Folder) {
        var folder = folder
        while folders.insert(folder).inserted, let parent = folder.path.parent {
            folder = Folder(root: folder.root, path: parent)
        }
    }

    func texts(in root: RootID) -> [String: String] {
        var texts: [String: String] = [:]
        for (place, file) in files where place.root == root {
            texts[place.path.text] = String(decoding: file.bytes, as: UTF8.self)
        }
        return texts
    }

    var libraryTexts: [String: String] { texts(in: .library) }

    func status() throws -> LibraryStatus { try engine.status(at: now, rows: rows) }

    func story(_ place: Place) throws -> ItemStory? {
        try engine.story(of: .place(place), at: now, rows: rows)
    }

    func story(of subject: ItemSubject) throws -> ItemStory? {
        try engine.story(of: subject, at: now, rows: rows)
    }

    func story(_ asset: RecordID) throws -> ItemStory? {
        try engine.story(of: .asset(asset), at: now, rows: rows)
    }

    // MARK: Running

    func tell(_ event: Event) { events.append(event) }
    func tellFirst(_ event: Event) { events.insert(event, at: 0) }

    /// The process ends here: what was on its way is lost, and rows are those of the last commit.
    func restart(once: Bool? = nil) {
        self.once = once ?? self.once
        engine = Self.engine(
            once: self.once, version: version, removesOriginals: removesOriginals)
        events = []
        timer = nil
        outcome = nil
        requests = []
        sent = []
        tell(.started)
    }

    /// A fresh process that runs to its end.
    @discardableResult
    func sync() throws -> Outcome? {
        restart()
        try run()
        return outcome
    }

    /// Until nothing happens any more; time passes only while nothing else does.
    func run(events limit: Int = .max, milliseconds: Int64 = 100_000) throws {
        let end = now.uptime + milliseconds
        var count = 0
        while count < limit, outcome == nil {
            if events.isEmpty {
                guard let due = timer, due <= end else { return }
                pass(milliseconds: max(0, due - now.uptime))
                timer = nil
                events.append(.timerFired(TimerID(rawValue: 1)))
            }
            count += 1
            try step()
            guard handled < 1_000_000 else { throw Stuck() }
        }
    }

    struct Stuck: Error {}

    func pass(milliseconds: Int64) {
        now.uptime += milliseconds
        now.wall = now.wall.adding(milliseconds: milliseconds)
    }

    func step() throws {
        let event = events.removeFirst()
        handled += 1
        let start = ContinuousClock.now
        // Keeping what a rollback would need makes each transaction cost a copy.
        if hasTransactions { rows.begin() }
        let effects = try engine.handle(event, at: now, rows: rows)
        if hasTransactions { rows.commit() }
        engineTime += ContinuousClock.now - start
        for effect in effects { perform(effect) }
    }

    /// What took long ends.
    func letGo() {
        takesLong = { _ in false }
        for effect in underWay { perform(effect) }
        underWay = []
    }

    private func perform(_ effect: Effect) {
        if takesLong(effect) { return underWay.append(effect) }
        switch effect {
        case .readConditions(let probesServer):
            if probesServer { log.append("probe") }
            events.append(.conditions(conditions))
        case .readMark:
            look.mark = mark
            events.append(.markRead(.success(look)))
        case .readFolder(let folder):
            let failure = failFolder(folder).map { Result<[Entry], DiskError>.failure($0) }
            events.append(.folderRead(folder, failure ?? read(folder)))
        case .examine(let place): events.append(.placeExamined(place, .success(entry(at: place))))
        case .watch(let folder): log.append("watch \(folder.root.rawValue)/\(folder.path)")
        case .readFile(let place, let stamp):
            log.append("readFile \(place.path)")
            events.append(.fileRead(place, read(place, stamp)))
        case .disk(let id, let operation):
            log.append("\(operation)")
            let result: Result<DiskOutcome, DiskError>
            if let error = failDisk(operation) {
                result = .failure(error)
            } else {
                result = perform(operation)
            }
            events.append(.diskDone(id, result))
        case .send(let id, let request):
            requests.append(request.name)
            sent.append((request.name, now.uptime))
            if let failure = refuse(request) {
                return events.append(.replied(id, .failure(failure)))
            }
            let reply = answer(request)
            let isLost = loseReply(request)
            events.append(.replied(id, isLost ? .failure(.interrupted) : reply))
        case .cancel: break
        case .keepAwake(let isAwake): log.append("awake \(isAwake)")
        case .setTimer(_, let uptime): timer = uptime
        case .finished(let outcome): self.outcome = outcome
        }
    }
}

// MARK: - The disk

extension FakeDevice {
    private func read(_ folder: Folder) -> Result<[Entry], DiskError> {
        guard !missingRoots.contains(folder.root), folders.contains(folder) else {
            return .failure(.notFound)
        }
        var entries: [Entry] = []
        for (place, file) in files where place.folder == folder {
            entries.append(Entry(name: place.path.name, kind: .file(file.stamp)))
        }
        for (place, kind) in links where place.folder == folder {
            entries.append(Entry(name: place.path.name, kind: kind))
        }
        for child in folders where child.path.parent == folder.path && child.root == folder.root {
            entries.append(Entry(name: child.path.name, kind: .folder))
        }
        return .success(entries)
    }

    private func entry(at place: Place) -> Entry? {
        if let file = files[listedAs[place] ?? place] {
            return Entry(name: place.path.name, kind: .file(file.stamp))
        }
        let isFolder = folders.contains(Folder(root: place.root, path: place.path))
        return isFolder ? Entry(name: place.path.name, kind: .folder) : nil
    }

    private func read(_ place: Place, _ stamp: FileStamp) -> FileReadResult {
        if let result = readResult(place) { return result }
        guard let file = files[listedAs[place] ?? place] else { return .failed(.notFound) }
        guard file.stamp == stamp else { return .stillChanging }
        let ending = place.path.text.split(separator: ".").last?.lowercased() ?? ""
        let content = FileContent(
            stamp: stamp, digest: Digest(of: file.bytes),
            mediaType: ending == "xmp" ? "application/rdf+xml" : "image/jpeg",
            facts: ["kind": .string("image")])
        switch ending {
        case "xmp": return .sidecar(content)
        case "txt": return .notAPhoto
        default: return .media(content)
        }
    }

    private func perform(_ operation: DiskOperation) -> Result<DiskOutcome, DiskError> {
        switch operation {
        case .createFolder(let folder): makeFolders(folder)
        case .copy(let place, let stamp, let name):
            guard let file = files[place], file.stamp == stamp else { return .failure(.changed) }
            temporaries[name] = file.bytes
            let digest = Digest(of: file.bytes)
            return .success(.copied(digest, byteCount: Int64(file.bytes.count)))
        case .setTime(let name, let time):
            guard temporaries[name] != nil else { return .failure(.notFound) }
            temporaryTimes[name] = time
        case .syncLibrary, .syncFolder: break
        case .moveIntoPlace(let name, let place):
            guard files[place] == nil else { return .failure(.alreadyExists) }
            guard let bytes = temporaries[name], folders.contains(place.folder) else {
                return .failure(.notFound)
            }
            temporaries[name] = nil
            inode += 1
            let changed = now.wall.milliseconds * 1_000_000
            let file = File(
                bytes: bytes, inode: inode,
                modifiedAt: temporaryTimes.removeValue(forKey: name) ?? changed, changedAt: changed)
            files[place] = file
            return .success(.moved(file.stamp))
        case .moveAside(let place, let stamp, let name):
            guard rows.intent(at: place)?.aside == name else { return .failure(.notPermitted) }
            guard let file = files[place] else { return .failure(.notFound) }
            guard file.stamp == stamp else { return .failure(.changed) }
            files[place] = nil
            aside[name] = file
            return .success(.moved(stamp))
        case .moveBack(let name, let place):
            guard files[place] == nil else { return .failure(.alreadyExists) }
            guard let file = aside.removeValue(forKey: name) else { return .failure(.notFound) }
            files[place] = file
            return .success(.moved(file.stamp))
        case .reclaim(let name, let stamp, let digest, let temporary):
            guard let file = aside[name] else { return .failure(.notFound) }
            guard file.stamp == stamp, Digest(of: file.bytes) == digest else {
                return .failure(.changed)
            }
            aside[name] = nil
            temporaries[temporary] = file.bytes
            temporaryTimes[temporary] = file.modifiedAt
            return .success(.moved(file.stamp))
        case .removeAside(let name): aside[name] = nil
        case .giveUp(let name, let stamp):
            guard let file = aside[name] else { return .failure(.notFound) }
            guard file.stamp.isSameFile(as: stamp), !openForWriting.contains(file.inode) else {
                return .failure(.changed)
            }
            aside[name] = nil
        case .locate(let place, .aside(let name)):
            return .success(.located(atPlace: files[place]?.stamp, elsewhere: aside[name]?.stamp))
        case .locate(let place, .place(let target)):
            return .success(.located(atPlace: files[place]?.stamp, elsewhere: files[target]?.stamp))
        case .rename(let place, let stamp, let target):
            guard rows.intent(at: place)?.kind == .rename(to: target) else {
                return .failure(.notPermitted)
            }
            guard let file = files[place] else { return .failure(.notFound) }
            guard file.stamp == stamp else { return .failure(.changed) }
            guard files[target] == nil else { return .failure(.alreadyExists) }
            var renamed = file
            renamed.changedAt += 1
            files[place] = nil
            files[target] = renamed
            return .success(.moved(renamed.stamp))
        case .removeTemporary(let name): temporaries[name] = nil
        case .renew(let name):
            guard temporaries[name] != nil else { return .failure(.notFound) }
            renewed.insert(name)
        case .keepPreview(let name, let preview):
            guard let bytes = temporaries.removeValue(forKey: name) else {
                return .failure(.notFound)
            }
            previews[preview.asset] = bytes
        case .removePreview(let preview): previews[preview.asset] = nil
        case .listPreviews(let folder):
            let here = previews.keys.filter { PreviewName.folder(of: $0) == folder }
            return .success(.previews(here.sorted().map { PreviewName($0) }))
        case .syncRows: syncCount += 1
        case .writeMark(let mark): self.mark = mark
        case .listTemporaries: return .success(.temporaries(temporaries.keys.sorted()))
        }
        return .success(.done)
    }
}

// MARK: - The way to the server

extension FakeDevice {
    private func answer(_ request: Request) -> Result<Reply, RequestFailure> {
        switch request {
        case .reportState:
            return .success(
                .stateReported(
                    epoch: server.epoch, head: server.head, token: server.token,
                    notice: server.notice))
        case .changes(let token): return server.changes(after: token)
        case .have(let digests):
            return .success(.missing(digests.filter { server.blobs[$0] == nil }))
        case .pack(let files):
            for file in files {
                if let failure = failure(of: file) { return .failure(failure) }
            }
            return .success(
                .packed(
                    files.map { file in
                        server.blobs[file.digest] = self.files[file.place]?.bytes
                        return PackedResult(digest: file.digest, failure: nil)
                    }))
        case .put(let file):
            if let failure = failure(of: file) { return .failure(failure) }
            server.blobs[file.digest] = files[file.place]?.bytes
            return .success(.stored(file.digest))
        case .createUpload(let id, _):
            let bytes = server.uploads[id] ?? []
            server.uploads[id] = bytes
            return .success(.uploadOffset(Int64(bytes.count)))
        case .uploadOffset(let id):
            return .success(.uploadOffset(Int64(server.uploads[id]?.count ?? 0)))
        case .uploadPart(let id, let file, let offset, let count):
            return part(id, file, Int(offset), Int(count))
        case .commit(let groups, let token):
            guard server.accepts(token) else { return .failure(.changeTokenExpired) }
            return .success(server.commit(groups, by: device))
        case .receipts(let digests):
            let held = digests.filter { server.blobs[$0] != nil && !server.unread.contains($0) }
            return .success(
                .receipts(
                    held.map { digest in
                        ServerReceipt(
                            digest: digest, byteCount: Int64(server.blobs[digest]?.count ?? 0),
                            verifiedAt: now.wall, epoch: server.epoch, copies: 1, signed: "signed",
                            fault: server.receiptFault)
                    }))
        case .download(let digest, _, let name):
            guard let bytes = server.blobs[digest] else { return .failure(.notFound) }
            temporaries[name] = bytes
            return .success(.downloaded(Digest(of: bytes), byteCount: Int64(bytes.count)))
        }
    }

    private func part(
        _ id: UploadID, _ file: FileToSend, _ offset: Int, _ count: Int
    ) -> Result<Reply, RequestFailure> {
        guard let bytes = files[file.place]?.bytes, server.uploads[id]?.count == offset else {
            return .failure(.refused(code: "wrongOffset", message: "Ask for the offset."))
        }
        server.uploads[id]?.append(contentsOf: bytes[offset..<(offset + count)])
        guard offset + count == bytes.count else {
            return .success(.uploadOffset(Int64(offset + count)))
        }
        server.blobs[file.digest] = bytes
        return .success(.stored(file.digest))
    }

    private func failure(of file: FileToSend) -> RequestFailure? {
        guard let found = files[file.place] else {
            return .fileUnreadable(file.place, .notFound)
        }
        guard found.stamp == file.stamp else { return .fileChanged(file.place) }
        return Digest(of: found.bytes) == file.digest ? nil : .digestMismatch(file.digest)
    }
}

extension Request {
    /// Whether it carries the bytes at this place.
    func carries(_ path: String) -> Bool {
        switch self {
        case .pack(let files): files.contains { $0.place.path.text == path }
        case .put(let file): file.place.path.text == path
        default: false
        }
    }

    var name: String {
        switch self {
        case .reportState: "reportState"
        case .changes: "changes"
        case .have: "have"
        case .pack: "pack"
        case .put: "put"
        case .createUpload: "createUpload"
        case .uploadOffset: "uploadOffset"
        case .uploadPart: "uploadPart"
        case .commit: "commit"
        case .receipts: "receipts"
        case .download: "download"
        }
    }
}
