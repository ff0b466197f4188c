import CMartlet
import Library
import Records
import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A library's way to another file system: every file is copied, synced, read back from the medium
/// and compared by its digest; only what is proven to be there is removed here.
///
/// The mark goes last, so that a copy that is not whole is no library. Run again after a crash it
/// goes on: what is there already is proven, not copied.
struct LibraryCopy {
    /// A file that lies at both places with the same bytes.
    struct Twin {
        let source: FileStamp
        let copy: FileStamp
    }

    /// Nothing of these is copied like a file.
    static let marks: Set<RelativePath> = [
        LibraryFolder.own.appending(LibraryFolder.markName),
        LibraryFolder.own.appending(Array("mark.new".utf8)), temporary,
    ]
    /// The file in the making.
    private static let temporary = LibraryFolder.own.appending(Array("moving".utf8))
    /// A library that a program goes on writing to is never whole.
    private static let passesMax = 20

    let from: String
    let to: String
    /// Called before each change of a disk.
    let beforeStep: () throws(AgentError) -> Void
    /// Called with the bytes that are at the new place by now.
    let progress: (Int64) -> Void
    let attributes: ExtendedAttributes
    /// Files and folders whose extended attributes the new place did not take, all or some.
    private(set) var withoutAttributes: Set<RelativePath> = []
    private(set) var twins: [RelativePath: Twin] = [:]
    private(set) var byteCount: Int64 = 0

    init(
        from: String, to: String, beforeStep: @escaping () throws(AgentError) -> Void,
        progress: @escaping (Int64) -> Void,
        setAttribute: @escaping ExtendedAttributes.Setting = ExtendedAttributes.system
    ) {
        self.from = from
        self.to = to
        self.beforeStep = beforeStep
        self.progress = progress
        attributes = ExtendedAttributes(set: setAttribute)
    }

    // MARK: There

    /// Until a whole pass finds nothing that is not at the new place.
    mutating func copyAll() throws(AgentError) {
        for _ in 0..<Self.passesMax {
            let tree = try Self.tree(from)
            let isWhole = try copy(tree)
            try setAsideStrangers(tree)
            if isWhole { return try sync(tree) }
        }
        throw AgentError(
            .fileUnusable,
            "The files in \(from) go on changing: end the program that writes them, and run it "
                + "again.")
    }

    static func tree(_ root: String) throws(AgentError) -> FolderTree {
        do throws(DiskError) {
            return try FolderTree(root: root)
        } catch {
            throw AgentError(.fileUnusable, "\(root) cannot be read: \(error.text).", cause: error)
        }
    }

    /// `false`: something was copied, so that another look is due.
    private mutating func copy(_ tree: FolderTree) throws(AgentError) -> Bool {
        var isWhole = true
        for node in tree.nodes where !Self.marks.contains(node.path) {
            do throws(DiskError) {
                switch node.kind {
                case .folder: try makeFolder(node)
                case .file(let stamp):
                    if twins[node.path]?.source == stamp { continue }
                    isWhole = false
                    try step()
                    twins[node.path] = try copy(node, stamp)
                    byteCount += stamp.byteCount
                    progress(byteCount)
                case .symbolicLink: try copyLink(node)
                case .other: throw .inputOutput(errno: ENOTSUP)
                }
            } catch .changed, .notFound {
                isWhole = false
            } catch {
                throw Self.problem(error, node.path, to)
            }
        }
        return isWhole
    }

    private func step() throws(DiskError) {
        do throws(AgentError) { try beforeStep() } catch { throw .inputOutput(errno: EINTR) }
    }

    private static func problem(
        _ error: DiskError, _ path: RelativePath, _ to: String
    ) -> AgentError {
        let name = path.text
        if error == .noSpace {
            return AgentError(
                .diskFull,
                "The disk of \(to) is full: free some space there, and run it again; it goes on.",
                cause: error)
        }
        if error == .inputOutput(errno: ENOTSUP) {
            return AgentError(
                .fileUnusable,
                "\(name) is neither file, folder nor link: move it out of the library first.",
                cause: error)
        }
        return AgentError(
            .fileUnusable,
            "\(name) cannot be copied to \(to): \(error.text). The library stays where it is; run "
                + "it again to go on.", cause: error)
    }

    private mutating func makeFolder(_ node: FolderTree.Node) throws(DiskError) {
        let path = FolderTree.path(Array(to.utf8), node.path)
        let made = withName(path) { mkdir($0, node.mode | 0o700) }
        guard made == 0 || errno == EEXIST else { throw DiskError(errno: errno) }
        copyAttributes(
            of: node.path,
            from: try Descriptor.openFolder(FolderTree.path(Array(from.utf8), node.path)),
            to: try Descriptor.openFolder(path))
    }

    private mutating func copyAttributes(
        of path: RelativePath, from source: Descriptor, to copy: Descriptor
    ) {
        if attributes.copy(from: source, to: copy) {
            withoutAttributes.remove(path)
        } else {
            withoutAttributes.insert(path)
        }
    }

    private func copyLink(_ node: FolderTree.Node) throws(DiskError) {
        let source = Array(from.utf8)
        guard let target = Self.link(FolderTree.path(source, node.path)) else { throw .notFound }
        let path = FolderTree.path(Array(to.utf8), node.path)
        if Self.link(path) == target { return }
        let made = withName(target) { text in withName(path) { symlink(text, $0) } }
        guard made == 0 else { throw DiskError(errno: errno) }
    }

    private static func link(_ path: [UInt8]) -> [UInt8]? {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let room = buffer.count
        let count = withName(path) { readlink($0, &buffer, room) }
        return count >= 0 ? buffer[..<count].map { UInt8(bitPattern: $0) } : nil
    }

    private func disk(_ root: String) -> DeviceDisk {
        DeviceDisk(roots: [.library: DiskRoot(path: root)])
    }

    private func place(_ path: RelativePath) -> Place { Place(root: .library, path: path) }

    /// Copies one file, or proves that its copy is there.
    private mutating func copy(
        _ node: FolderTree.Node, _ stamp: FileStamp
    ) throws(DiskError) -> Twin {
        let (source, target) = (disk(from), disk(to))
        let file = try source.open(place(node.path), stamp)
        let folder = try target.open(place(node.path).folder)
        if case .file(let found)? = try folder.entry(named: node.path.name)?.kind {
            let copy = try target.open(place(node.path), found)
            let digest = try FileHashing.read(file).digest
            if found.byteCount == stamp.byteCount, try FileHashing.read(copy).digest == digest {
                guard try file.stamp() == stamp else { throw .changed }
                copyAttributes(of: node.path, from: file, to: copy)
                try finish(copy, node, stamp)
                return Twin(source: stamp, copy: try copy.stamp())
            }
            try setAside(node.path)
        }
        let own = try target.open(Folder(root: .library, path: LibraryFolder.own))
        let name = Self.temporary.name
        _ = withName(name) { unlinkat(own.number, $0, 0) }
        let copy = try Descriptor.open(
            name, in: own, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        let read = try FileHashing.read(file) { (bytes, offset) throws(DiskError) in
            try copy.write(bytes, at: offset)
        }
        guard try file.stamp() == stamp, read.byteCount == stamp.byteCount else { throw .changed }
        copyAttributes(of: node.path, from: file, to: copy)
        try finish(copy, node, stamp)
        // From the medium, as far as the system lets us.
        _ = martlet_drop_cache(copy.number)
        guard try FileHashing.read(copy).digest == read.digest else {
            throw .inputOutput(errno: EIO)
        }
        let moved = withName(name) { from in
            withName(node.path.name) { to in
                martlet_rename_exclusive(own.number, from, folder.number, to)
            }
        }
        guard moved == 0 else { throw DiskError(errno: errno) }
        return Twin(source: stamp, copy: try copy.stamp())
    }

    /// Its rights and its time, and all of it on the disk.
    private func finish(
        _ copy: Descriptor, _ node: FolderTree.Node, _ stamp: FileStamp
    ) throws(DiskError) {
        _ = fchmod(copy.number, node.mode)
        let time = timespec(nanoseconds: stamp.modifiedAt)
        guard futimens(copy.number, [time, time]) == 0 else { throw DiskError(errno: errno) }
        try copy.sync()
    }

    /// Puts out of sight what lies at the new place and not here any more.
    ///
    /// It is of an earlier run, or of a file that went meanwhile.
    private mutating func setAsideStrangers(_ tree: FolderTree) throws(AgentError) {
        let here = Set(tree.nodes.map(\.path))
        for node in try Self.tree(to).nodes where !here.contains(node.path) {
            guard case .file = node.kind, !Self.marks.contains(node.path),
                node.path.components.first != LibraryFolder.name
            else { continue }
            do throws(DiskError) {
                try setAside(node.path)
            } catch {
                throw Self.problem(error, node.path, to)
            }
        }
        for path in twins.keys where !here.contains(path) { twins[path] = nil }
        withoutAttributes.formIntersection(here)
    }

    private func setAside(_ path: RelativePath) throws(DiskError) {
        let target = disk(to)
        let folder = try target.open(place(path).folder)
        let trash = try target.makeAndOpen(AsideName.Folder.trash.place)
        for number in 1...10_000 as ClosedRange<UInt64> {
            let name = AsideName(.trash, fileName: path.name, number: number)
            let moved = withName(path.name) { from in
                withName(name.bytes) { to in
                    martlet_rename_exclusive(folder.number, from, trash.number, to)
                }
            }
            if moved == 0 { return }
            guard errno == EEXIST else { throw DiskError(errno: errno) }
        }
        throw .alreadyExists
    }

    /// Every name is durable when it returns.
    private func sync(_ tree: FolderTree) throws(AgentError) {
        try beforeStep()
        do throws(DiskError) {
            let target = disk(to)
            for node in tree.nodes where node.kind == .folder {
                try target.open(Folder(root: .library, path: node.path)).sync()
            }
            try target.open(Folder(root: .library, path: .root)).sync()
        } catch {
            throw Self.problem(error, .root, to)
        }
    }

    // MARK: No longer here

    /// Removes what is proven to be at the new place; returns what stays.
    mutating func removeSource() throws(AgentError) -> [RelativePath] {
        guard access(from, F_OK) == 0 else { return [] }
        let tree = try Self.tree(from)
        try beforeStep()
        // From here on it is no library any more.
        let root = Array(from.utf8)
        let mark = LibraryFolder.own.appending(LibraryFolder.markName)
        _ = withName(FolderTree.path(root, mark)) { unlink($0) }
        var kept: [RelativePath] = []
        for node in tree.nodes.reversed() {
            let path = FolderTree.path(root, node.path)
            switch node.kind {
            case .folder: _ = withName(path) { rmdir($0) }
            case .file(let stamp):
                if Self.marks.contains(node.path) {
                    _ = withName(path) { unlink($0) }
                    continue
                }
                try beforeStep()
                if try isProven(node, stamp) {
                    _ = withName(path) { unlink($0) }
                } else {
                    kept.append(node.path)
                }
            case .symbolicLink:
                let copy = FolderTree.path(Array(to.utf8), node.path)
                if let target = Self.link(path), Self.link(copy) == target {
                    _ = withName(path) { unlink($0) }
                } else {
                    kept.append(node.path)
                }
            case .other: kept.append(node.path)
            }
        }
        _ = withName(root) { rmdir($0) }
        return kept.reversed()
    }

    /// Whether the same bytes are at the new place: by what this run has seen, else by reading both.
    private func isProven(
        _ node: FolderTree.Node, _ stamp: FileStamp
    ) throws(AgentError) -> Bool {
        if let twin = twins[node.path] { return twin.source == stamp }
        do throws(DiskError) {
            guard case .file(let found)? = try disk(to).entry(at: place(node.path))?.kind,
                found.byteCount == stamp.byteCount
            else { return false }
            let source = try FileHashing.read(disk(from).open(place(node.path), stamp)).digest
            return try FileHashing.read(disk(to).open(place(node.path), found)).digest == source
        } catch {
            return false
        }
    }
}
