package import Library
package import Records
package import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A root's folders against what rows know of them; no file is opened.
package struct LibraryWalk: Sendable {
    package private(set) var new = ItemSample()
    package private(set) var changed = ItemSample()
    package private(set) var gone = ItemSample()
    package private(set) var fileCount = 0
    /// Folders that could not be read, with why.
    package private(set) var unreadable: [(path: String, error: DiskError)] = []

    package var differences: Int { new.count + changed.count + gone.count }
    package var names: [String] {
        Array((changed.names + gone.names + new.names).prefix(Limits.itemsNamedMax))
    }

    private let disk: DeviceDisk
    private let root: RootID
    private var known: [RelativePath: KnownFile]

    /// Blocks.
    package init(_ root: StoredRoot, known: [RelativePath: KnownFile]) {
        disk = DeviceDisk(roots: [root.id: root.disk])
        self.root = root.id
        self.known = known
        walk(.root)
        for (path, _) in self.known.sorted(by: { $0.key < $1.key })
        where !unreadable.contains(where: { path.text.hasPrefix($0.path) }) {
            gone.add(path.text)
        }
        self.known = [:]
    }

    private mutating func walk(_ path: RelativePath) {
        let entries: [Entry]
        do throws(DiskError) {
            entries = try disk.entries(of: Folder(root: root, path: path))
        } catch {
            // One that went meanwhile has no files: they are looked for at their places.
            if error != .notFound || path == .root { unreadable.append((path.text, error)) }
            return
        }
        for entry in entries {
            let place = path.appending(entry.name)
            let isHidden = entry.name.first == UInt8(ascii: ".")
            switch entry.kind {
            case .folder:
                if !isHidden, place.bytes != Array("lost+found".utf8) { walk(place) }
            case .symbolicLink, .other: known[place] = nil
            case .file(let stamp):
                fileCount += 1
                let row = known.removeValue(forKey: place)
                if let row {
                    if row.stamp != stamp { changed.add(place.text, stamp.byteCount) }
                } else if !isHidden {
                    new.add(place.text, stamp.byteCount)
                }
            }
        }
    }
}

/// Files of Martlet's own that nobody needs any more.
package struct Leftovers: Sendable {
    package struct File: Hashable, Sendable {
        package let path: RelativePath
        package let stamp: FileStamp
    }

    package private(set) var files: [File] = []
    package var byteCount: Int64 { files.reduce(0) { $0 + $1.stamp.byteCount } }

    /// Files in the making that nothing is made of any more, and files out of their places that no
    /// row knows.
    ///
    /// `isBusy`: an agent runs, so what changed lately is left alone. Blocks.
    package init(
        _ library: String, _ rows: DatabaseRows, isBusy: Bool, at now: Timestamp
    ) throws(RowsError) {
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        let limit = now.adding(seconds: -Limits.leftoverSeconds).milliseconds * 1_000_000
        let known = try rows.namesAside()
        for (name, isIncoming) in [("incoming", true), ("trash", false), ("leaving", false)] {
            let path = LibraryFolder.own.appending(Array(name.utf8))
            let entries = (try? disk.entries(of: Folder(root: .library, path: path))) ?? []
            for entry in entries.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
                guard case .file(let stamp) = entry.kind else { continue }
                let text = String(decoding: entry.name, as: UTF8.self)
                let isOld = stamp.changedAt < limit
                if isIncoming {
                    if let digest = try? Digest(parsing: text) {
                        if try rows.isWanted(digest) || (isBusy && !isOld) { continue }
                    } else if !isOld {
                        // An import or a repair of this moment.
                        continue
                    }
                } else if known.contains(text) || (isBusy && !isOld) {
                    continue
                }
                files.append(File(path: path.appending(entry.name), stamp: stamp))
            }
        }
    }
}

/// Previews that rows say are placed, and that are not there whole.
package struct PreviewWalk: Sendable {
    package private(set) var missing: [PreviewName] = []
    package private(set) var cut: [(name: PreviewName, stamp: FileStamp)] = []
    package private(set) var count = 0

    /// Blocks.
    package init(_ library: String, _ placed: [(name: PreviewName, byteCount: Int64)]) {
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        for (name, byteCount) in placed {
            count += 1
            let place = Place(root: .library, path: name.path)
            guard case .file(let stamp)? = (try? disk.entry(at: place))??.kind else {
                missing.append(name)
                continue
            }
            if stamp.byteCount != byteCount { cut.append((name, stamp)) }
        }
    }
}

extension DeviceDisk {
    /// The digest of a file that still carries its stamp; blocks.
    package func digest(of place: Place, _ stamp: FileStamp) throws(DiskError) -> Digest {
        let file = try open(place, stamp)
        let digest = try FileHashing.read(file).digest
        guard try file.stamp() == stamp else { throw .changed }
        return digest
    }

    /// `nil`: no regular file lies there.
    package func stamp(at place: Place) throws(DiskError) -> FileStamp? {
        try fileStamp(at: place)
    }
}

extension LibraryFolder {
    /// Those of Martlet's own folders that are not there, below the library.
    package static func missingFolders(at library: String) -> [String] {
        subfolders.map { ".martlet/\($0)" }.filter { access("\(library)/\($0)", F_OK) != 0 }
    }

    /// The mark and what else the folder shows of itself, for an examination.
    package static func examine(_ library: String) throws(DiskError) -> LibraryLook {
        try look(at: Array(library.utf8))
    }
}
