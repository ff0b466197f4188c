package import Library
import Records
import Status
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Moves a device's library to another folder, with all that is Martlet's own in it.
///
/// Nothing is sent or fetched again.
///
/// On one file system it is a rename; onto another one every file is copied and proven, and only
/// then the device's database says where the library is, in one transaction with the files' new
/// stamps, and only then what is proven to be there is removed here. So at any moment one of the two
/// places is the library, whole and with its mark; after a crash the same command goes on.
package struct LibraryMove {
    package struct Report: Sendable {
        package let from: String
        package let to: String
        package let isCopied: Bool
        package let fileCount: Int
        package let byteCount: Int64
        /// Files at the old place that are not, byte for byte, at the new one: they stay there.
        package let kept: [RelativePath]
        /// Files and folders that lost extended attributes, since the new place takes none, or not
        /// as large ones.
        package let withoutAttributes: [RelativePath]
    }

    private let home: DeviceHome
    private let environment: [String: String]
    private let surroundings: Surroundings
    /// For tests: `false` copies on one file system too.
    package var renames = true
    /// For tests: another disk than this machine has.
    package var setAttribute = ExtendedAttributes.system
    /// Called before each change of a disk; what it throws ends the move there.
    package var beforeStep: () throws(AgentError) -> Void = {}
    /// Called with the bytes that are at the new place by now.
    package var progress: (Int64) -> Void = { _ in }

    package init(
        home: DeviceHome, environment: [String: String] = ProcessInfo.processInfo.environment,
        surroundings: Surroundings = .machine()
    ) {
        self.home = home
        self.environment = environment
        self.surroundings = surroundings
    }

    /// `folder`: absolute.
    ///
    /// Throws `invalidConfiguration` or `libraryTaken` for a folder that the library can't go to,
    /// and `diskFull` when there is no room for it, before anything is touched.
    package func run(to folder: String) async throws(AgentError) -> Report {
        let lock = try MoveLock(home)
        defer { withExtendedLifetime(lock) {} }
        try await suspendAgent()
        try Self.finishInterrupted(home)
        let to = Self.resolved(folder)
        let current = try home.configuration().library
        if let journal = MoveJournal.read(home) {
            if journal.to == to || Self.resolved(current) == journal.to {
                let report = try goOn(journal)
                if journal.to == to { return report }
            } else {
                // What was copied there stays, and is no library.
                _ = unlink(journal.to + "/.martlet/mark")
            }
        }
        let from = Self.resolved(try home.configuration().library)
        try MoveRules(home: home, from: from, to: to).check()
        try checkMark(at: from)
        let journal = MoveJournal(from: from, to: to)
        try beforeStep()
        try perform({ () throws(DiskError) in try journal.write(home) }, on: home.path)
        return try goOn(journal)
    }

    // MARK: The agent

    /// A running agent lets go of its engine until nobody holds the move's lock any more.
    private func suspendAgent() async throws(AgentError) {
        for _ in 0..<Limits.agentAnswerTries {
            if await ControlClient(home).ask(.libraryMoves)?.status != nil { return }
            // An agent that begins from now on waits for the lock.
            if AgentLock.isFree(home) { return }
            do {
                try await surroundings.sleep(.milliseconds(Limits.progressMilliseconds))
            } catch { break }
        }
        throw AgentError(
            .agentRuns,
            "Another process of this device is at work and does not answer: wait for its end, or "
                + "end it, and run it again.")
    }

    // MARK: Its steps

    /// From wherever an earlier run came to.
    private func goOn(_ journal: MoveJournal) throws(AgentError) -> Report {
        var copy = LibraryCopy(
            from: journal.from, to: journal.to, beforeStep: beforeStep, progress: progress,
            setAttribute: setAttribute)
        let isCopied = access(journal.from, F_OK) == 0
        let isSwitched = Self.resolved(try home.configuration().library) == journal.to
        if !isSwitched {
            if try rename(journal) {
                try Self.switchOver(home, to: journal.to, [:])
                try beforeStep()
                MoveJournal.remove(home)
                let files = try Self.byteCounts(in: journal.to)
                return Report(
                    from: journal.from, to: journal.to, isCopied: false, fileCount: files.count,
                    byteCount: files.reduce(0, +), kept: [], withoutAttributes: [])
            }
            try checkRoom(journal)
            try prepare(journal.to)
            try copy.copyAll()
            try writeMark(from: journal.from, to: journal.to)
            try beforeStep()
            try Self.switchOver(home, to: journal.to, copy.twins)
        }
        let kept = try copy.removeSource()
        try beforeStep()
        MoveJournal.remove(home)
        return Report(
            from: journal.from, to: journal.to, isCopied: isCopied, fileCount: copy.twins.count,
            byteCount: copy.byteCount, kept: kept,
            withoutAttributes: copy.withoutAttributes.sorted { $0.text < $1.text })
    }

    /// `false`: it has to be copied.
    private func rename(_ journal: MoveJournal) throws(AgentError) -> Bool {
        let parents = [journal.from, journal.to].map(Self.parent)
        try perform(
            { () throws(DiskError) in try LibraryFolder.makeFolders(parents[1]) }, on: parents[1])
        // A copy was begun there.
        guard renames, !Self.hasFiles(journal.to) else { return false }
        try beforeStep()
        guard systemRename(journal.from, journal.to) == 0 else {
            switch errno {
            case EXDEV, EBUSY, EINVAL, ENOTSUP: return false
            case let number:
                let error = DiskError(errno: number)
                throw AgentError(
                    .fileUnusable,
                    "The library cannot be moved to \(journal.to): \(error.text).", cause: error)
            }
        }
        for parent in parents {
            try perform(
                { () throws(DiskError) in try Descriptor.openFolder(Array(parent.utf8)).sync() },
                on: parent)
        }
        return true
    }

    private func checkRoom(_ journal: MoveJournal) throws(AgentError) {
        let needed = try Self.byteCounts(in: journal.from).reduce(0, +)
        let there =
            Self.hasFiles(journal.to) ? try Self.byteCounts(in: journal.to).reduce(0, +) : 0
        let folder = access(journal.to, F_OK) == 0 ? journal.to : Self.parent(journal.to)
        guard let free = FreeSpace.byteCount(at: folder, environment: environment) else { return }
        let usable = max(0, free - Limits.deviceReserveByteCount)
        guard needed - there > usable else { return }
        if !Self.hasFiles(journal.to) { MoveJournal.remove(home) }
        throw AgentError(
            .diskFull,
            "The library needs \(EvidenceText.bytes(needed)), and \(EvidenceText.bytes(usable)) "
                + "can be used at \(journal.to): free space there, or choose another disk.")
    }

    /// Of all files but the mark.
    private static func byteCounts(in path: String) throws(AgentError) -> [Int64] {
        try LibraryCopy.tree(path).nodes.compactMap { node in
            guard case .file(let stamp) = node.kind, !LibraryCopy.marks.contains(node.path) else {
                return nil
            }
            return stamp.byteCount
        }
    }

    private func prepare(_ folder: String) throws(AgentError) {
        try beforeStep()
        try perform({ () throws(DiskError) in try LibraryFolder.make(at: folder) }, on: folder)
    }

    private func writeMark(from: String, to: String) throws(AgentError) {
        try beforeStep()
        try perform(
            { () throws(DiskError) in
                guard let mark = try LibraryFolder.readMark(at: Array(from.utf8)) else {
                    throw .notFound
                }
                try LibraryFolder.write(mark, at: to)
            }, on: to)
    }

    /// The device's database, and then what people read, say where the library is.
    private static func switchOver(
        _ home: DeviceHome, to path: String, _ twins: [RelativePath: LibraryCopy.Twin]
    ) throws(AgentError) {
        try DeviceDatabase(home).writeDurably { (rows) throws(RowsError) in
            for (path, twin) in twins {
                try rows.restamp(path, from: twin.source, to: twin.copy)
            }
            try rows.save(
                StoredRoot(id: .library, disk: DiskRoot(path: path), isOnce: false))
        }
        try saveConfiguration(home, path)
    }

    private static func saveConfiguration(
        _ home: DeviceHome, _ path: String
    ) throws(AgentError) {
        var configuration = try home.configuration()
        guard configuration.library != path else { return }
        configuration.library = path
        try home.save(configuration)
    }

    /// What a crash left between two steps that belong together: a library that was renamed, or a
    /// database that says where it is, and nobody else.
    static func finishInterrupted(_ home: DeviceHome) throws(AgentError) {
        guard let journal = MoveJournal.read(home) else { return }
        let (root, settings) = try DeviceDatabase(home).read { (rows) throws(RowsError) in
            (try rows.storedRoots().first { $0.id.isLibrary }?.disk.path, try rows.settings)
        }
        let to = Array(journal.to.utf8)
        if root == to { return try saveConfiguration(home, journal.to) }
        let old = try? LibraryFolder.readMark(at: Array(journal.from.utf8))
        let new = try? LibraryFolder.readMark(at: to)
        guard old.flatMap(\.self) == nil, let mark = new.flatMap(\.self),
            mark.library == settings.library, mark.device == settings.device
        else { return }
        try switchOver(home, to: journal.to, [:])
    }

    // MARK: Checks

    private func checkMark(at path: String) throws(AgentError) {
        let settings = try DeviceDatabase(home).settings()
        let mark: LibraryMark?
        do throws(DiskError) {
            mark = try LibraryFolder.readMark(at: Array(path.utf8))
        } catch {
            throw AgentError(
                .fileUnusable, "The library at \(path) cannot be read: \(error.text).",
                cause: error)
        }
        guard let mark else {
            throw AgentError(
                .fileUnusable, "No library lies at \(path): reconnect its disk first.")
        }
        guard mark.library == settings.library, mark.device == settings.device else {
            throw AgentError(
                .libraryTaken,
                "What lies at \(path) is not this device's library: it stays where it is.")
        }
    }

    private func perform(
        _ body: () throws(DiskError) -> Void, on path: String
    ) throws(AgentError) {
        do throws(DiskError) {
            try body()
        } catch {
            let code: AgentError.Code = error == .noSpace ? .diskFull : .fileUnusable
            throw AgentError(code, "\(path) cannot be written: \(error.text).", cause: error)
        }
    }

    private static func hasFiles(_ path: String) -> Bool {
        !((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).isEmpty
    }

    static func parent(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash > path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// With the links of what exists of it followed.
    static func resolved(_ path: String) -> String {
        if let real = realpath(path, nil) {
            defer { free(real) }
            return String(cString: real)
        }
        guard let slash = path.lastIndex(of: "/"), path != "/" else { return path }
        let above = resolved(slash == path.startIndex ? "/" : String(path[..<slash]))
        return (above == "/" ? "" : above) + path[slash...]
    }
}

private func systemRename(_ from: String, _ to: String) -> Int32 { rename(from, to) }
