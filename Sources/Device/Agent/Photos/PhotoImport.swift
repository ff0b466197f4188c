import CMartlet
import Library
import Media
package import Records
import Status
import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `martlet photos import`: brings files into the cloud once, and says of each what became of it.
///
/// A device that keeps originals copies them into its library; one with Optimize Storage leaves
/// them where they lie and sends them from there. Nothing that is imported is ever changed.
package struct PhotoImport {
    package struct Ledger: Hashable, Sendable, Encodable {
        package struct Line: Hashable, Sendable, Encodable {
            package enum Outcome: String, Sendable, Encodable {
                case imported, alreadyThere, notIncluded, failed
            }

            package let path: String
            package let outcome: Outcome
            /// Why; `nil` for what was imported.
            package let reason: String?
        }

        package var lines: [Line] = []

        package func count(_ outcome: Line.Outcome) -> Int {
            lines.count { $0.outcome == outcome }
        }
    }

    private let home: DeviceHome
    private let library: String
    private let now: Timestamp
    private let rows: DatabaseRows
    private let settings: DeviceSettings
    private let target: DeviceDisk
    private var ledger = Ledger()
    private var seen: Set<Digest> = []

    package init(home: DeviceHome, now: Timestamp) throws(AgentError) {
        self.home = home
        self.now = now
        library = try home.configuration().library
        target = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        do throws(RowsError) {
            rows = try DatabaseRows(path: home.databasePath)
            settings = try rows.settings
        } catch {
            throw AgentError(rows: error)
        }
    }

    /// Imports files and whole folders, by absolute paths.
    ///
    /// Blocks. Run again, it goes on: what is there already is said to be. `progress` is called
    /// after each file.
    package mutating func run(
        _ paths: [String], progress: (Ledger) -> Void
    ) throws(AgentError) -> Ledger {
        for path in paths {
            guard !isInLibrary(path) else {
                throw AgentError(
                    .invalidConfiguration,
                    "\(path) is the library or in it: its files are imported by themselves.")
            }
            let bytes = Array(path.utf8)
            switch Self.kind(of: bytes) {
            case .folder:
                let disk = DeviceDisk(roots: [.library: DiskRoot(path: bytes)])
                try walk(disk, .root, progress)
                try sendFromWhereItLies(DiskRoot(path: bytes))
            case .file:
                let place = RelativePath(bytes: bytes)
                let parent = place.parent?.bytes ?? []
                let root = DiskRoot(path: parent, onlyNames: [place.name])
                let disk = DeviceDisk(roots: [.library: root])
                try add(disk, RelativePath(bytes: place.name))
                try sendFromWhereItLies(root)
                progress(ledger)
            case .symbolicLink, .other:
                note(path, .notIncluded, "it is no regular file")
            case nil:
                note(path, .failed, "it is not there")
            }
        }
        return ledger
    }

    private func isInLibrary(_ path: String) -> Bool {
        path == library || path.hasPrefix(library + "/")
    }

    private static func kind(of path: [UInt8]) -> Entry.Kind? {
        var information = stat()
        guard withName(path, { lstat($0, &information) }) == 0 else { return nil }
        return Entry.Kind(information)
    }

    private mutating func walk(
        _ disk: DeviceDisk, _ path: RelativePath, _ progress: (Ledger) -> Void
    ) throws(AgentError) {
        let entries: [Entry]
        do throws(DiskError) {
            entries = try disk.entries(of: Folder(root: .library, path: path))
        } catch {
            note(text(disk, path), .failed, error.text)
            return
        }
        for entry in entries.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
            let child = path.appending(entry.name)
            if entry.name.first == UInt8(ascii: ".") { continue }
            switch entry.kind {
            case .folder: try walk(disk, child, progress)
            case .file: try add(disk, child)
            case .symbolicLink, .other: note(text(disk, child), .notIncluded, "no regular file")
            }
            progress(ledger)
        }
    }

    private mutating func add(_ disk: DeviceDisk, _ path: RelativePath) throws(AgentError) {
        let (place, name) = (Place(root: .library, path: path), text(disk, path))
        do throws(DiskError) {
            guard case .file(let stamp)? = try disk.entry(at: place)?.kind else { throw .changed }
            if let bound = ItemBound(name: path.name, byteCount: stamp.byteCount) {
                let what = bound.code == .tooLarge ? "it" : "its name"
                return note(
                    name, .failed, "\(what) has \(bound.value); at most \(bound.limit) can be kept")
            }
            switch disk.read(place, stamp) {
            case .media(let content), .sidecar(let content):
                try take(disk, place, content, name)
            case .notAPhoto: note(name, .notIncluded, "neither a photo nor a video")
            case .empty: note(name, .notIncluded, "it is empty")
            case .stillChanging: throw .changed
            case .failed(let error): throw error
            }
        } catch {
            guard error != .noSpace else {
                throw AgentError(
                    .diskFull, "The library's disk is full: free some space, then import again.")
            }
            note(name, .failed, error.text)
        }
    }

    private mutating func take(
        _ disk: DeviceDisk, _ place: Place, _ content: FileContent, _ name: String
    ) throws(DiskError) {
        let isNew = seen.insert(content.digest).inserted
        let known = (try? rows.assets(with: content.digest)) ?? []
        let inLibrary = ((try? rows.localFiles(with: content.digest)) ?? [])
            .contains { $0.place.root.isLibrary }
        if !isNew || inLibrary || known.contains(where: { $0.record.isLiveAsset }) {
            return note(name, .alreadyThere, "the same bytes are in the library")
        }
        if !known.isEmpty {
            return note(name, .notIncluded, "it was deleted before")
        }
        if !settings.optimizesStorage, try !copy(disk, place, content) {
            return note(name, .alreadyThere, "the same bytes are in the library")
        }
        note(name, .imported, nil)
    }

    /// Durable in the library before it is said to be there.
    ///
    /// `false` when an import before this one brought it there and no sync has seen it yet.
    private func copy(
        _ disk: DeviceDisk, _ place: Place, _ content: FileContent
    ) throws(DiskError) -> Bool {
        let fields = AssetFields(
            fileName: place.path.name, importedAt: now,
            fileModifiedAt: Timestamp(milliseconds: content.stamp.modifiedAt / 1_000_000))
        let folder = Folder(
            root: .library,
            path: LibraryPath.folder(for: ShownDate.of(asset: fields, facts: content.facts)))
        func destination(_ number: Int) -> Place {
            let name = LibraryPath.name(
                of: .original, mediaType: content.mediaType, asset: fields, number: number)
            return Place(root: .library, path: folder.path.appending(name))
        }
        for number in 1...Limits.namesTriedMax {
            guard let entry = try target.entry(at: destination(number)) else { break }
            if holds(entry, at: destination(number), content) { return false }
        }
        let temporary = TemporaryName("import-\(content.digest.text)")
        let both = DeviceDisk(roots: [
            .library: try target.root(.library), Self.source: try disk.root(.library),
        ])
        let from = Place(root: Self.source, path: place.path)
        let outcome = try both.perform(.copy(from, content.stamp, to: temporary))
        guard outcome == .copied(content.digest, byteCount: content.stamp.byteCount) else {
            throw .changed
        }
        _ = try both.perform(.setTime(temporary, modifiedAt: content.stamp.modifiedAt))
        let file = try both.openTemporary(temporary, flags: O_RDWR)
        try file.sync()
        _ = try both.perform(.createFolder(folder))
        for number in 1...Limits.namesTriedMax {
            do throws(DiskError) {
                _ = try both.perform(.moveIntoPlace(temporary, destination(number)))
                _ = try both.perform(.syncFolder(folder))
                return true
            } catch {
                guard error == .alreadyExists else { throw error }
            }
        }
        throw .alreadyExists
    }

    private func holds(_ entry: Entry, at place: Place, _ content: FileContent) -> Bool {
        guard case .file(let stamp) = entry.kind, stamp.byteCount == content.stamp.byteCount else {
            return false
        }
        switch target.read(place, stamp) {
        case .media(let other), .sidecar(let other): return other.digest == content.digest
        default: return false
        }
    }

    private static let source = RootID(rawValue: 1)

    private func sendFromWhereItLies(_ root: DiskRoot) throws(AgentError) {
        guard settings.optimizesStorage else { return }
        do throws(RowsError) {
            let rows = rows
            try rows.transaction { () throws(RowsError) in _ = try rows.addRoot(root, isOnce: true)
            }
        } catch {
            throw AgentError(rows: error)
        }
    }

    private mutating func note(_ path: String, _ outcome: Ledger.Line.Outcome, _ reason: String?) {
        ledger.lines.append(Ledger.Line(path: path, outcome: outcome, reason: reason))
    }

    private func text(_ disk: DeviceDisk, _ path: RelativePath) -> String {
        let bytes = (try? disk.path(of: .library, path)) ?? path.bytes
        return String(decoding: bytes, as: UTF8.self)
    }
}
