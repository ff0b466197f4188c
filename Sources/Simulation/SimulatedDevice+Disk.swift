import Library
import Records
import SyncEngine

// The effects that look at and change this device's disks.
extension SimulatedDevice {
    private static let inputOutputError = DiskError.inputOutput(errno: 5)

    func perform(_ effect: Effect) {
        switch effect {
        case .readMark: answer(.markRead(readMark()), kind: "markRead")
        case .readFolder(let folder):
            answer(.folderRead(folder, read(folder)), kind: "folderRead")
        case .examine(let place):
            answer(.placeExamined(place, examine(place)), kind: "placeExamined")
        case .readFile(let place, let stamp): beginReading(place, stamp)
        case .disk(let id, .copy(let place, let stamp, let temporary)):
            beginCopying(id, place, stamp, to: temporary)
        case .disk(let id, let operation):
            answer(.diskDone(id, outcome(of: operation)), kind: "diskDone")
        case .send(let id, let request):
            if case .receipts = request {
                // An original's time to leave has come.
            } else {
                requestCount += 1
            }
            if case .reportState = request { reportCount += 1 }
            network.send(request, id: id, from: self)
        case .readConditions, .watch, .cancel, .keepAwake, .setTimer, .finished: break
        }
    }

    private func readMark() -> Result<LibraryLook, DiskError> {
        if library.isMissing { return .success(LibraryLook(mark: nil)) }
        return .success(LibraryLook(mark: mark))
    }

    /// While its disk is away, the library's folder is an empty mount point: nothing there means
    /// nothing.
    private func read(_ folder: Folder) -> Result<[Entry], DiskError> {
        if failingDisks.contains(folder.root) {
            if world.plantedBug == .absentReadAsDeleted { return .success([]) }
            return .failure(Self.inputOutputError)
        }
        if world.faults.strikes(.readError) {
            world.fault(.readError, "\(folder)")
            if world.plantedBug == .absentReadAsDeleted { return .success([]) }
            return .failure(Self.inputOutputError)
        }
        let disk = disks[Int(folder.root.rawValue)]
        if disk.isMissing, folder.path == .root { return .success([]) }
        do {
            var entries = try disk.entries(of: folder.path)
            world.schedule.shuffle(&entries)
            return .success(entries)
        } catch {
            return .failure(error)
        }
    }

    private func examine(_ place: Place) -> Result<Entry?, DiskError> {
        if failingDisks.contains(place.root) {
            if world.plantedBug == .absentReadAsDeleted { return .success(nil) }
            return .failure(Self.inputOutputError)
        }
        let disk = disks[Int(place.root.rawValue)]
        return .success(
            disk.node(at: place.path).map { disk.entry(named: place.path.name, node: $0) })
    }

    // MARK: Reading

    private func beginReading(_ place: Place, _ stamp: FileStamp) {
        let disk = disks[Int(place.root.rawValue)]
        guard let node = disk.node(at: place.path) else {
            return answer(.fileRead(place, .failed(.notFound)), kind: "fileRead")
        }
        guard disk.stamp(of: node) == stamp else {
            return answer(.fileRead(place, .stillChanging), kind: "fileRead")
        }
        let incarnation = incarnation
        world.after(readingTime(stamp.byteCount)) { [self] in
            guard incarnation == self.incarnation else { return }
            let result = endReading(place, stamp)
            placesRead.insert(place)
            answer(.fileRead(place, result), kind: "fileRead")
        }
    }

    private func readingTime(_ byteCount: Int64) -> Int64 {
        1 + byteCount / 400_000 + (world.schedule.oneIn(20) ? 3_000 : 0)
    }

    private func endReading(_ place: Place, _ stamp: FileStamp) -> FileReadResult {
        if failingDisks.contains(place.root) { return .failed(Self.inputOutputError) }
        if world.faults.strikes(.readError) {
            world.fault(.readError, "\(place)")
            return .failed(Self.inputOutputError)
        }
        let disk = disks[Int(place.root.rawValue)]
        guard let node = disk.node(at: place.path) else { return .failed(.notFound) }
        guard disk.stamp(of: node) == stamp else { return .stillChanging }
        let content = disk.nodes[node].content
        guard content.byteCount > 0 else { return .empty }
        switch ContentKind(name: place.path.name) {
        case .media(let mediaType):
            return .media(
                FileContent(
                    stamp: stamp, digest: content.digest, mediaType: mediaType,
                    facts: content.facts.merging(["mediaType": .string(mediaType)]) { $1 }))
        case .sidecar:
            return .sidecar(
                FileContent(
                    stamp: stamp, digest: content.digest, mediaType: "application/rdf+xml",
                    facts: [:]))
        case .other: return .notAPhoto
        }
    }

    // MARK: Changing

    private func beginCopying(
        _ id: OperationID, _ place: Place, _ stamp: FileStamp, to temporary: TemporaryName
    ) {
        do {
            let source = disks[Int(place.root.rawValue)]
            let content = source.nodes[try source.file(at: place.path, with: stamp)].content
            let half = content.prefix(content.byteCount / 2)
            try writeTemporary(temporary, half)
            let incarnation = incarnation
            world.after(1 + content.byteCount / 200_000) { [self] in
                guard incarnation == self.incarnation else { return }
                answer(.diskDone(id, endCopying(place, stamp, to: temporary)), kind: "diskDone")
            }
        } catch {
            answer(.diskDone(id, .failure(error)), kind: "diskDone")
        }
    }

    private func endCopying(
        _ place: Place, _ stamp: FileStamp, to temporary: TemporaryName
    ) -> Result<DiskOutcome, DiskError> {
        do throws(DiskError) {
            let source = disks[Int(place.root.rawValue)]
            let content = source.nodes[try source.file(at: place.path, with: stamp)].content
            try writeTemporary(temporary, content)
            return .success(.copied(content.digest, byteCount: content.byteCount))
        } catch {
            return .failure(error)
        }
    }

    func path(of temporary: TemporaryName) -> RelativePath {
        Self.incoming.appending(Array(temporary.text.utf8))
    }

    func temporaryContent(_ temporary: TemporaryName) -> Content? {
        library.node(at: path(of: temporary)).map { library.nodes[$0].content }
    }

    /// Replaces what the temporary file holds.
    func writeTemporary(_ temporary: TemporaryName, _ content: Content) throws(DiskError) {
        if world.faults.strikes(.writeError) {
            world.fault(.writeError, temporary.text)
            throw Self.inputOutputError
        }
        try disks[0].checkWritable()
        if let node = library.node(at: path(of: temporary)) {
            disks[0].write(content, to: node, time: world.fileTime())
        } else {
            try disks[0].makeFolder(Self.incoming, by: .engine)
            try disks[0].create(
                path(of: temporary), content: content, by: .engine, time: world.fileTime())
        }
    }

    private func outcome(of operation: DiskOperation) -> Result<DiskOutcome, DiskError> {
        do throws(DiskError) {
            if library.isMissing { throw .notFound }
            if failingDisks.contains(.library) { throw Self.inputOutputError }
            if world.faults.strikes(.writeError) {
                world.fault(.writeError, operation.name.description)
                throw Self.inputOutputError
            }
            return .success(try perform(operation))
        } catch {
            return .failure(error)
        }
    }

    private func perform(_ operation: DiskOperation) throws(DiskError) -> DiskOutcome {
        switch operation {
        case .copy: preconditionFailure("Copying takes time: see beginCopying.")
        case .createFolder(let folder):
            checkIsLibrary(folder.root, operation)
            try disks[0].makeFolder(folder.path, by: .engine)
        case .setTime(let temporary, let time):
            guard let node = library.node(at: path(of: temporary)) else { throw .notFound }
            disks[0].setModified(time, of: node, now: world.fileTime())
        case .syncLibrary: try syncLibrary()
        case .syncFolder(let folder): try sync(folder)
        case .moveIntoPlace(let temporary, let place):
            checkIsLibrary(place.root, operation)
            return .moved(try move(temporary, into: place))
        case .moveAside(let place, let stamp, let name):
            return .moved(try moveAside(place, stamp, to: name))
        case .moveBack(let name, let place): return .moved(try moveBack(name, to: place))
        case .reclaim(let name, let stamp, let digest, let temporary):
            return .moved(try reclaim(name, stamp, digest, to: temporary))
        case .removeAside(let name): try remove(name)
        case .giveUp(let name, let stamp): try giveUp(name, stamp)
        case .locate(let place, let elsewhere): return locate(place, elsewhere)
        case .rename(let place, let stamp, let target):
            return .moved(try rename(place, stamp, to: target))
        case .removeTemporary(let temporary):
            try disks[0].remove(path(of: temporary))
        case .renew(let temporary): try renew(temporary)
        case .keepPreview(let temporary, let name): try keep(temporary, as: name)
        case .removePreview(let name):
            if library.node(at: name.path) != nil { try disks[0].remove(name.path) }
        case .listPreviews(let folder):
            let path = PreviewName.path(ofFolder: folder)
            guard library.node(at: path) != nil else { return .previews([]) }
            let entries = try library.entries(of: path)
            return .previews(entries.compactMap { PreviewName(fileName: $0.name) })
        case .listTemporaries:
            let entries = try library.entries(of: Self.incoming)
            return .temporaries(
                entries.map { TemporaryName(String(decoding: $0.name, as: UTF8.self)) })
        case .syncRows:
            if !forgetsToSyncRows { rows.syncAll() }
        case .writeMark(let mark): self.mark = mark
        }
        return .done
    }

    private var forgetsToSyncRows: Bool {
        switch world.plantedBug {
        case .intentNotSynced: true
        case .evictedBeforeJournal:
            rows.current.intents().contains { if case .leave = $0.kind { true } else { false } }
        default: false
        }
    }

    private func renew(_ temporary: TemporaryName) throws(DiskError) {
        guard let content = temporaryContent(temporary) else { throw .notFound }
        let copy = TemporaryName("renewed-\(temporary.text)")
        try writeTemporary(copy, content)
        try disks[0].rename(
            path(of: copy), to: path(of: temporary), replacing: true, time: world.fileTime())
    }

    private func keep(_ temporary: TemporaryName, as name: PreviewName) throws(DiskError) {
        guard let content = temporaryContent(temporary) else { throw .notFound }
        oracle.keptPreview(content, by: self)
        try disks[0].makeFolder(name.path.parent ?? .root, by: .engine)
        try disks[0].rename(
            path(of: temporary), to: name.path, replacing: true, time: world.fileTime())
    }

    private func checkIsLibrary(_ root: RootID, _ operation: DiskOperation) {
        if !root.isLibrary { world.violate("\(name): \(operation.name) in a read-only source.") }
    }

    private func syncLibrary() throws(DiskError) {
        if world.faults.strikes(.syncFailed) {
            world.fault(.syncFailed, "syncLibrary")
            disks[0].failSync()
            if world.plantedBug == .syncResultIgnored { return }
            throw Self.inputOutputError
        }
        if world.plantedBug == .ignoredSyncLibrary { return }
        disks[0].syncAll()
    }

    private func sync(_ folder: Folder) throws(DiskError) {
        guard let node = disks[Int(folder.root.rawValue)].node(at: folder.path) else {
            throw .notFound
        }
        if world.faults.strikes(.syncFailed) {
            world.fault(.syncFailed, "syncFolder")
            throw Self.inputOutputError
        }
        placesUnsynced = placesUnsynced.filter { $0.folder != folder }
        cutPowerSoon()
        if world.plantedBug == .renameWithoutSync { return }
        disks[Int(folder.root.rawValue)].sync(folder: node)
    }

    /// Rows will say of files that they are there: before anything else makes their names durable
    /// is the moment to look.
    private func cutPowerSoon() {
        guard world.faults.cutPowerAfterSync() else { return }
        let incarnation = incarnation
        world.after(world.faults.within(0...1_000)) { [self] in
            if incarnation == self.incarnation { losePower("soon after syncFolder") }
        }
    }

    private func move(
        _ temporary: TemporaryName, into place: Place
    ) throws(DiskError) -> FileStamp {
        try disks[0].rename(path(of: temporary), to: place.path, time: world.fileTime())
        placesRead.remove(place)
        placesUnsynced.insert(place)
        noticed(.library, place.path)
        guard let node = library.node(at: place.path) else { throw .notFound }
        oracle.placed(library.nodes[node].content, at: place, by: self)
        return library.stamp(of: node)
    }
}
