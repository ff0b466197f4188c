package import Library
package import SyncEngine

/// A file system in memory that knows what a power cut would leave of it.
///
/// - What programs see are the nodes' visible contents and entries.
/// - `sync(file:)`, `sync(folder:)` and `syncAll()` make them durable, each only what its system
///   call promises; see SimulatedDisk+Durability.swift.
package final class SimulatedDisk {
    package enum Kind { case file, folder, symbolicLink, other }
    package enum Maker { case user, engine }

    package struct Node {
        let kind: Kind
        var maker: Maker
        /// A user gave it another name; a power cut may keep neither.
        var isRenamedByUser = false
        package var content = Content.empty
        /// What its user wrote over: when the file goes, that goes.
        var overwritten: [Content] = []
        var durableContent = Content.empty
        /// Written since the last sync; `false` with contents that differ: the sync has failed.
        var isDirty = false
        var modifiedAt: Int64 = 0
        var changedAt: Int64 = 0
        /// By what the disk compares names by.
        var entries: [[UInt8]: Link] = [:]
        var durableEntries: [[UInt8]: Link] = [:]
    }

    /// One entry of a folder: the name as it is listed.
    struct Link {
        let name: [UInt8]
        let node: Int
    }

    /// One name in one folder, before and after.
    struct NameChange {
        let folder: Int
        let name: [UInt8]
        let node: Int?
    }

    package static let rootNode = 0
    static let hidden = Array(".martlet".utf8)

    let profile: Profile
    /// Files that a user's program has open for writing.
    var openForWriting: Set<Int> = []
    package internal(set) var nodes = [Node(kind: .folder, maker: .user)]
    var pending: [[NameChange]] = []
    /// Every write fails for want of space.
    package var isFull = false
    /// Every write fails with EROFS, as after the system found an error.
    package var isReadOnly = false
    /// Nothing of it can be reached.
    package var isMissing = false {
        didSet { if !isMissing, oldValue { mount() } }
    }
    /// How often it was mounted; without stable inodes each mount numbers them anew.
    private var mountCount = 0

    package init(profile: Profile) { self.profile = profile }

    package func mount() { mountCount += 1 }

    // MARK: Looking

    package func node(at path: RelativePath) -> Int? {
        guard !isMissing else { return nil }
        var current = Self.rootNode
        for name in path.components {
            guard nodes[current].kind == .folder,
                let next = nodes[current].entries[profile.key(of: name)]?.node
            else {
                return nil
            }
            current = next
        }
        return current
    }

    func stamp(of node: Int) -> FileStamp {
        FileStamp(
            inode: UInt64(node + (profile.hasStableInodes ? 2 : 2 + mountCount * 1_000_003)),
            byteCount: nodes[node].content.byteCount,
            modifiedAt: profile.time(nodes[node].modifiedAt),
            changedAt: profile.time(nodes[node].changedAt))
    }

    /// The regular file at `path`, if its stamp is still this one.
    func file(at path: RelativePath, with stamp: FileStamp) throws(DiskError) -> Int {
        guard let node = node(at: path) else { throw .notFound }
        guard nodes[node].kind == .file, self.stamp(of: node) == stamp else { throw .changed }
        return node
    }

    func entry(named name: [UInt8], node: Int) -> Entry {
        switch nodes[node].kind {
        case .file: Entry(name: name, kind: .file(stamp(of: node)))
        case .folder: Entry(name: name, kind: .folder)
        case .symbolicLink: Entry(name: name, kind: .symbolicLink)
        case .other: Entry(name: name, kind: .other)
        }
    }

    /// Ordered by name; a real system has no order, so callers shuffle.
    func entries(of path: RelativePath) throws(DiskError) -> [Entry] {
        guard let folder = node(at: path) else { throw .notFound }
        guard nodes[folder].kind == .folder else { throw .notAFolder }
        return sortedEntries(of: folder).map { entry(named: $0.name, node: $0.node) }
    }

    func sortedEntries(of folder: Int) -> [(name: [UInt8], node: Int)] {
        nodes[folder].entries
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map { ($0.value.name, $0.value.node) }
    }

    /// All files below `path` in a fixed order, with their paths; `.martlet` is left out.
    package func files(below path: RelativePath = .root) -> [(path: RelativePath, node: Int)] {
        guard let start = node(at: path) else { return [] }
        var found: [(path: RelativePath, node: Int)] = []
        var rest = [(path, start)]
        while let (path, node) = rest.popLast() {
            switch nodes[node].kind {
            case .folder:
                for entry in sortedEntries(of: node) where entry.name != Self.hidden {
                    rest.append((path.appending(entry.name), entry.node))
                }
            case .file: found.append((path, node))
            case .symbolicLink, .other: break
            }
        }
        return found
    }

    // MARK: Changing

    /// Makes missing parents too.
    func makeFolder(_ path: RelativePath, by maker: Maker) throws(DiskError) {
        try checkWritable()
        var current = Self.rootNode
        for name in path.components {
            if let next = nodes[current].entries[profile.key(of: name)]?.node {
                guard nodes[next].kind == .folder else { throw .notAFolder }
                current = next
            } else {
                nodes.append(Node(kind: .folder, maker: maker))
                change([NameChange(folder: current, name: name, node: nodes.count - 1)])
                current = nodes.count - 1
            }
        }
    }

    /// A new node under a free name, in a folder that exists.
    @discardableResult
    package func create(
        _ path: RelativePath, kind: Kind = .file, content: Content = .empty, by maker: Maker,
        time: Int64
    ) throws(DiskError) -> Int {
        try checkWritable()
        guard let folder = node(at: path.parent ?? .root) else { throw .notFound }
        guard nodes[folder].entries[profile.key(of: path.name)] == nil else { throw .alreadyExists }
        nodes.append(Node(kind: kind, maker: maker))
        let node = nodes.count - 1
        write(content, to: node, time: time)
        change([NameChange(folder: folder, name: path.name, node: node)])
        return node
    }

    func write(_ content: Content, to node: Int, time: Int64) {
        nodes[node].content = content
        nodes[node].isDirty = true
        nodes[node].modifiedAt = time
        nodes[node].changedAt = time
    }

    func setModified(_ time: Int64, of node: Int, now: Int64) {
        nodes[node].modifiedAt = time
        nodes[node].changedAt = now
    }

    /// Exclusive: fails with `alreadyExists` when `target` is taken, unless it replaces.
    package func rename(
        _ source: RelativePath, to target: RelativePath, replacing: Bool = false, time: Int64
    ) throws(DiskError) {
        try checkWritable()
        let (oldKey, newKey) = (profile.key(of: source.name), profile.key(of: target.name))
        guard let from = node(at: source.parent ?? .root),
            let node = nodes[from].entries[oldKey]?.node,
            let to = self.node(at: target.parent ?? .root)
        else { throw .notFound }
        guard nodes[to].kind == .folder else { throw .notAFolder }
        // A name that differs in case alone is the same one where the disk folds case.
        let isOwnName = from == to && oldKey == newKey
        guard replacing || isOwnName || nodes[to].entries[newKey] == nil else {
            throw .alreadyExists
        }
        nodes[node].changedAt = time
        var changes = [NameChange(folder: to, name: target.name, node: node)]
        if !isOwnName {
            changes.append(NameChange(folder: from, name: source.name, node: nil))
        }
        change(changes)
    }

    func remove(_ path: RelativePath) throws(DiskError) {
        try checkWritable()
        guard let folder = node(at: path.parent ?? .root),
            nodes[folder].entries[profile.key(of: path.name)] != nil
        else { throw .notFound }
        change([NameChange(folder: folder, name: path.name, node: nil)])
    }

    func checkWritable() throws(DiskError) {
        if isMissing { throw .notFound }
        if isReadOnly { throw .readOnly }
        if isFull { throw .noSpace }
    }

    private func change(_ changes: [NameChange]) {
        for change in changes {
            nodes[change.folder].entries[profile.key(of: change.name)] = link(change)
        }
        pending.append(changes)
    }

    func link(_ change: NameChange) -> Link? {
        change.node.map { Link(name: profile.listed(change.name), node: $0) }
    }
}

extension RelativePath {
    var components: [[UInt8]] {
        var components: [[UInt8]] = []
        components.reserveCapacity(4)
        bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            for index in 0...bytes.count {
                guard index == bytes.count || bytes[index] == UInt8(ascii: "/") else { continue }
                if index > start { components.append(Array(bytes[start..<index])) }
                start = index + 1
            }
        }
        return components
    }
}
