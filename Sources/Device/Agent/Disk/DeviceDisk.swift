package import Library
import Records
package import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A root as the disk sees it.
package struct DiskRoot: Hashable, Sendable {
    package let path: [UInt8]
    /// Of a one-time import of single files: only these names of its top folder are there.
    package let onlyNames: Set<[UInt8]>?

    package init(path: [UInt8], onlyNames: Set<[UInt8]>? = nil) {
        self.path = path
        self.onlyNames = onlyNames
    }

    package init(path: String) { self.init(path: Array(path.utf8)) }
}

/// The folder trees that this device looks at, by the engine's names for them.
///
/// Every call blocks: none is for the cooperative pool. Below a root no symbolic link is followed.
package struct DeviceDisk: Sendable {
    package let roots: [RootID: DiskRoot]

    package init(roots: [RootID: DiskRoot]) { self.roots = roots }

    func root(_ id: RootID) throws(DiskError) -> DiskRoot {
        guard let root = roots[id] else { throw .notFound }
        return root
    }

    /// Absolute, for people and watchers.
    package func path(of root: RootID, _ path: RelativePath) throws(DiskError) -> [UInt8] {
        let base = try self.root(root).path
        return path.bytes.isEmpty ? base : base + [UInt8(ascii: "/")] + path.bytes
    }

    /// Opens a folder component by component, so that a link put in its way is refused.
    func open(_ folder: Folder) throws(DiskError) -> Descriptor {
        var current = try Descriptor.openFolder(root(folder.root).path)
        for component in folder.path.components {
            current = try Descriptor.open(component, in: current, flags: O_RDONLY | O_DIRECTORY)
        }
        return current
    }

    /// The complete listing of one folder, in the file system's order.
    package func entries(of folder: Folder) throws(DiskError) -> [Entry] {
        let descriptor = try open(folder)
        let only = folder.path.bytes.isEmpty ? try root(folder.root).onlyNames : nil
        var entries: [Entry] = []
        for name in try descriptor.names() {
            if let only, !only.contains(name) { continue }
            // A name that went meanwhile is not there; anything else fails the listing, because
            // a list with gaps would look like deletions.
            if let entry = try descriptor.entry(named: name) { entries.append(entry) }
        }
        return entries
    }

    /// `nil`: nothing is there.
    package func entry(at place: Place) throws(DiskError) -> Entry? {
        do throws(DiskError) {
            return try open(place.folder).entry(named: place.path.name)
        } catch {
            guard error == .notFound else { throw error }
            return nil
        }
    }

    /// Opens a regular file that must still carry its stamp; never waits for a FIFO's other end.
    func open(_ place: Place, _ stamp: FileStamp) throws(DiskError) -> Descriptor {
        let file = try Descriptor.open(
            place.path.name, in: open(place.folder), flags: O_RDONLY | O_NONBLOCK)
        guard try file.information().isRegularFile, try file.stamp() == stamp else {
            throw .changed
        }
        return file
    }
}

extension stat {
    var isRegularFile: Bool { st_mode & S_IFMT == S_IFREG }
}

extension Descriptor {
    func stamp() throws(DiskError) -> FileStamp { FileStamp(try information()) }

    func entry(named name: [UInt8]) throws(DiskError) -> Entry? {
        var information = stat()
        let result = withName(name) { fstatat(number, $0, &information, AT_SYMLINK_NOFOLLOW) }
        guard result == 0 else {
            if errno == ENOENT { return nil }
            throw DiskError(errno: errno)
        }
        return Entry(name: name, kind: Entry.Kind(information))
    }

    /// All names of a folder but `.` and `..`.
    func names() throws(DiskError) -> [[UInt8]] {
        let copy = dup(number)
        guard copy >= 0 else { throw DiskError(errno: errno) }
        guard let stream = fdopendir(copy) else {
            let error = DiskError(errno: errno)
            _ = close(copy)
            throw error
        }
        defer { closedir(stream) }
        rewinddir(stream)
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw DiskError(errno: errno) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name != [0x2E] && name != [0x2E, 0x2E] { names.append(name) }
        }
    }
}

extension RelativePath {
    var components: [[UInt8]] {
        bytes.split(separator: UInt8(ascii: "/")).map(Array.init)
    }
}
