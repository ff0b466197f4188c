import Library
import SyncEngine

/// A person with a file manager and a camera: adds, writes slowly, copies, renames, moves and
/// deletes files in the library and the sources of one device, with and without syncing them.
final class SimulatedUser {
    private enum Act: String, CaseIterable {
        case add, addSlowly, addByRename, addSidecar, addOther, duplicate, rename, move, delete
        case overwrite, touch, renameFolder, deleteFolder, sync, nudge
        case choose, favorite, keywords, trash, restore, purge
        case addMany, deleteMany, addPair, split, album, answer

        /// Whether the library may hold other files after it, or is to.
        var changesFiles: Bool { self != .sync && self != .nudge && self != .answer }

        /// How often each is done; adding most.
        var weight: Int {
            switch self {
            case .add: 30
            case .addSlowly, .addByRename, .addSidecar: 8
            case .addPair: 5
            case .choose, .addOther, .duplicate, .rename, .move, .delete: 6
            case .overwrite, .touch, .sync, .nudge, .favorite, .trash, .album, .answer: 3
            case .addMany, .deleteMany, .split: 3
            case .renameFolder, .deleteFolder, .keywords, .restore: 2
            case .purge: 1
            }
        }
    }

    static let actNames = Act.allCases.map(\.rawValue)

    private static let names: [[UInt8]] =
        [
            "IMG_0001.JPG", "IMG_0002.jpg", "DSC_3.NEF", "clip.mov", "IMG_0001 (2).JPG", "ü.jpg",
            "u\u{308}.jpg", "Ü.JPG", "with\nnewline.jpg", " leading and trailing .jpg",
            "a:b?c*.jpg",
            "CON.jpg", "img_0001.jpg", ".hidden.jpg", "no extension", "..jpg",
            String(repeating: "x", count: 251) + ".jpg",
        ].map { Array($0.utf8) } + [
            [0xFF, 0xFE, 0x2E, 0x6A, 0x70, 0x67], [0xC3, 0x28, 0x2E, 0x6A, 0x70, 0x67],
        ]

    static let folders = ["", "2024/05", "Trip/Day 1", "Trip", "x\ny"].map {
        RelativePath($0)
    }

    let device: SimulatedDevice
    let world: World
    private let pool: ContentPool
    /// Of the act that is being done: each has its own, so that one left out changes no other.
    var random: RandomStream
    /// `DEVICE.NUMBER`, as `withoutActs` names them.
    private(set) var acts: [String] = []
    private let omitted: Set<String>

    init(device: SimulatedDevice, pool: ContentPool, without omitted: Set<String>) {
        self.device = device
        self.pool = pool
        self.omitted = omitted
        world = device.world
        random = RandomStream(seed: world.seed &+ UInt64(device.index) << 32, name: "user")
    }

    /// Does `count` things within `duration`, in bursts as people do.
    func act(_ count: Int, within duration: Int64) {
        var time: Int64 = 0
        for _ in 0..<count {
            if !random.oneIn(3) { time = random.within(0...duration) }
            let stream = RandomStream(seed: random.next())
            let name = "\(device.index).\(acts.count + 1)"
            acts.append(name)
            if !omitted.contains(name) {
                world.after(min(duration, time)) { [self] in act(name, stream) }
            }
            time += random.within(0...3_000)
        }
        acts.removeAll(where: omitted.contains)
    }

    private func act(_ name: String, _ stream: RandomStream) {
        random = stream
        let act = Act.allCases[random.weighted(Act.allCases.map(\.weight))]
        let root = random.below(device.disks.count)
        world.counters.add(.act, act.rawValue)
        world.step("act", "\(device.name) \(act.rawValue) in \(root)")
        if act.changesFiles { device.oracle.filesChanged(on: device) }
        world.tell("\(device.name)'s user does \(act.rawValue) in root \(root) (act \(name))")
        do throws(DiskError) {
            try perform(act, in: root)
        } catch {
            world.tell("  … but cannot: \(error)")
            world.note("the user cannot \(act.rawValue): \(error)")
        }
    }

    private func perform(_ act: Act, in root: Int) throws(DiskError) {
        switch act {
        case .add: try add(in: root, pool.next(&random))
        case .addSlowly: try addSlowly(in: root, pool.next(&random))
        case .addByRename: try addByRename(in: root, pool.next(&random))
        case .addSidecar: try addSidecar(in: root)
        case .addOther: try addOther(in: root)
        case .duplicate: try duplicate(in: root)
        case .rename: try renameFile(in: root, toFolder: nil)
        case .move: try renameFile(in: root, toFolder: random.pick(Self.folders))
        case .delete: try deleteFile(in: root)
        case .overwrite: try overwrite(in: root)
        case .touch: try touch(in: root)
        case .renameFolder: try renameFolder(in: root)
        case .deleteFolder: try deleteFolder(in: root)
        case .sync: device.disks[root].syncAll()
        case .favorite: device.decide(.favorite, &random)
        case .keywords: device.decide(.keywords, &random)
        case .trash: device.decide(.trash, &random)
        case .restore: device.decide(.restore, &random)
        case .purge: device.decide(.purge, &random)
        case .addMany: try addMany(in: root)
        case .deleteMany: try deleteMany(in: root)
        case .addPair: try addPair(in: root)
        case .split: device.split(&random)
        case .album: device.decideAboutAlbum(&random)
        case .answer: device.answerQuestions(&random)
        case .choose:
            let choices: [ItemChoice?] = [.inCloud, .inCloud, .keepHere, .fetch, nil]
            device.choose(random.pick(choices), at: random.below(1_000))
        case .nudge:
            device.tell(
                .command(random.oneIn(2) ? .compareAll : .retryNow), kind: "command")
        }
    }

    // MARK: Adding

    private func freePath(in root: Int) throws(DiskError) -> RelativePath {
        let folder = random.pick(Self.folders)
        try makeFolder(folder, in: root)
        return folder.appending(random.pick(Self.names))
    }

    func makeFolder(_ folder: RelativePath, in root: Int) throws(DiskError) {
        guard device.disks[root].node(at: folder) == nil else { return }
        try device.disks[root].makeFolder(folder, by: .user)
        var path = folder
        while let parent = path.parent {
            notice(root, path, isFolder: true)
            path = parent
        }
    }

    private func add(in root: Int, _ content: Content) throws(DiskError) {
        try write(content, at: freePath(in: root), in: root)
    }

    func write(
        _ content: Content, at path: RelativePath, in root: Int
    ) throws(DiskError) {
        try device.disks[root].create(path, content: content, by: .user, time: world.fileTime())
        device.oracle.userWrote(content)
        notice(root, path)
    }

    /// In pieces, with pauses, as from a slow card: what is read between is not yet the picture.
    private func addSlowly(in root: Int, _ content: Content) throws(DiskError) {
        let path = try freePath(in: root)
        let pieces = Int64(random.below(3) + 2)
        try write(content.prefix(content.byteCount / pieces), at: path, in: root)
        guard let node = device.disks[root].node(at: path) else { return }
        // Open until the last piece, wherever its name may be.
        device.disks[root].openForWriting.insert(node)
        world.after(pieces * 2_500) { [self] in
            device.disks[root].openForWriting.remove(node)
        }
        for piece in 2...pieces {
            world.after((piece - 1) * random.within(100...2_500)) { [self] in
                let disk = device.disks[root]
                // Nothing if the file was replaced or taken away meanwhile.
                let isThere = disk.node(at: path) == node || device.isLeaving(node, in: root)
                guard (try? disk.checkWritable()) != nil, isThere,
                    disk.nodes[node].content.id == content.id || disk.nodes[node].content == .empty
                else { return }
                write(
                    content.prefix(content.byteCount * piece / pieces), over: node, path, in: root)
            }
        }
    }

    private func write(_ content: Content, over node: Int, _ path: RelativePath, in root: Int) {
        let before = device.disks[root].nodes[node].content
        device.oracle.userRemoves(before)
        device.disks[root].nodes[node].overwritten.append(before)
        device.disks[root].write(content, to: node, time: world.fileTime())
        device.disks[root].nodes[node].maker = .user
        device.oracle.userWrote(content)
        notice(root, path)
    }

    /// As careful programs do: under another name first, synced or not, then renamed over.
    private func addByRename(in root: Int, _ content: Content) throws(DiskError) {
        let path = try freePath(in: root)
        let temporary = (path.parent ?? .root).appending(Array(".part".utf8) + path.name)
        try write(content, at: temporary, in: root)
        let disk = device.disks[root]
        if random.oneIn(2), let node = disk.node(at: temporary) { disk.sync(file: node) }
        let replaced = disk.node(at: path).map { disk.nodes[$0] }
        removing(path, in: root)
        try disk.rename(temporary, to: path, replacing: true, time: world.fileTime())
        if let replaced, let node = disk.node(at: path) {
            disk.nodes[node].overwritten += replaced.overwritten + [replaced.content]
        }
        notice(root, temporary)
        notice(root, path)
    }

    private func addSidecar(in root: Int) throws(DiskError) {
        let hasFiles = !device.disks[root].files().isEmpty
        var path = hasFiles ? try somePath(in: root) : try freePath(in: root)
        if random.oneIn(2), let dot = path.bytes.lastIndex(of: UInt8(ascii: ".")) {
            path = RelativePath(bytes: Array(path.bytes[..<dot]))
        }
        path = RelativePath(bytes: path.bytes + Array(".xmp".utf8))
        guard path.name.count <= 255 else { return }
        try write(pool.nextSidecar(&random), at: path, in: root)
    }

    private func addOther(in root: Int) throws(DiskError) {
        let path = try freePath(in: root)
        let disk = device.disks[root]
        switch random.below(4) {
        case 0: try disk.create(path, kind: .symbolicLink, by: .user, time: world.fileTime())
        case 1: try disk.create(path, kind: .other, by: .user, time: world.fileTime())
        case 2: try disk.create(path, by: .user, time: world.fileTime())
        default:
            let text = RelativePath(bytes: path.bytes + Array(".txt".utf8))
            guard text.name.count <= 255 else { return }
            return try write(pool.next(&random), at: text, in: root)
        }
        notice(root, path)
    }

    // MARK: Changing what is there

    private func somePath(in root: Int) throws(DiskError) -> RelativePath {
        let files = device.disks[root].files()
        guard !files.isEmpty else { throw .notFound }
        return files[random.below(files.count)].path
    }

    private func duplicate(in root: Int) throws(DiskError) {
        let disk = device.disks[root]
        guard let node = disk.node(at: try somePath(in: root)) else { return }
        try write(disk.nodes[node].content, at: freePath(in: root), in: root)
    }

    private func renameFile(in root: Int, toFolder folder: RelativePath?) throws(DiskError) {
        let source = try somePath(in: root)
        var target = (source.parent ?? .root).appending(random.pick(Self.names))
        if let folder {
            try makeFolder(folder, in: root)
            target = folder.appending(source.name)
        }
        let disk = device.disks[root]
        let isSame = disk.node(at: target) == disk.node(at: source)
        // Under a name that no picture has it is one no longer.
        if !target.isImportable { removing(source, in: root) }
        if let node = disk.node(at: source) {
            disk.nodes[node].isRenamedByUser = true
            device.userRenames(disk.nodes[node])
        }
        try disk.rename(source, to: target, replacing: isSame, time: world.fileTime())
        notice(root, source)
        notice(root, target)
    }

    private func deleteFile(in root: Int) throws(DiskError) {
        let path = try somePath(in: root)
        removing(path, in: root)
        try device.disks[root].remove(path)
        notice(root, path)
    }

    private func overwrite(in root: Int) throws(DiskError) {
        let path = try somePath(in: root)
        let disk = device.disks[root]
        try disk.checkWritable()
        guard let node = disk.node(at: path) else { return }
        write(pool.next(&random), over: node, path, in: root)
    }

    private func touch(in root: Int) throws(DiskError) {
        let path = try somePath(in: root)
        let disk = device.disks[root]
        guard let node = disk.node(at: path) else { return }
        disk.setModified(world.fileTime() - 1_000_000_000_000, of: node, now: world.fileTime())
        notice(root, path)
    }

    private func renameFolder(in root: Int) throws(DiskError) {
        let source = RelativePath("Trip")
        let target = RelativePath(random.oneIn(2) ? "Travel" : "x\ny")
        let disk = device.disks[root]
        for (_, node) in disk.files(below: source) { disk.nodes[node].isRenamedByUser = true }
        try disk.rename(source, to: target, time: world.fileTime())
        notice(root, source, isFolder: true)
    }

    private func deleteFolder(in root: Int) throws(DiskError) {
        let path = random.pick(Self.folders.filter { $0 != .root })
        removing(path, in: root)
        try device.disks[root].remove(path)
        notice(root, path, isFolder: true)
    }

    /// Everything at and below this path is about to go.
    func removing(_ path: RelativePath, in root: Int) {
        let disk = device.disks[root]
        if let node = disk.node(at: path) { device.userRemoves(disk.nodes[node]) }
        for (_, node) in disk.files(below: path) { device.userRemoves(disk.nodes[node]) }
    }

    func notice(_ root: Int, _ path: RelativePath, isFolder: Bool = false) {
        world.tell("  \(path)")
        device.oracle.filesChanged(on: device)
        device.noticed(RootID(rawValue: Int64(root)), path, isFolder: isFolder)
    }
}

/// The pictures of all users of one simulation; now and then the same one again.
final class ContentPool {
    private var given: [Content] = []

    func next(_ random: inout RandomStream) -> Content {
        if !given.isEmpty, random.oneIn(4) { return random.pick(given) }
        let byteCount: Int64 =
            switch random.weighted([60, 25, 5, 1]) {
            case 0: random.within(1...900_000)
            case 1: random.within(1_000_000...12_000_000)
            case 2: random.within(40_000_000...130_000_000)
            default: 1
            }
        let content = Content(id: random.next() | 1, byteCount: byteCount)
        given.append(content)
        return content
    }

    func nextSidecar(_ random: inout RandomStream) -> Content {
        Content(id: random.next() | 1, byteCount: random.within(200...4_000))
    }
}

extension RelativePath {
    /// Whether a file here is one that Martlet imports, going by its names alone.
    var isImportable: Bool {
        guard !components.contains(where: { $0.first == UInt8(ascii: ".") }) else { return false }
        return switch ContentKind(name: name) {
        case .media, .sidecar: true
        case .other: false
        }
    }
}
