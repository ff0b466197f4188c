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

// Moving a library's files out of their places and back: by exclusive renames within one file
// system, so that nothing is overwritten and no byte is written.
extension DeviceDisk {
    func moveAside(
        _ place: Place, _ stamp: FileStamp, to name: AsideName
    ) throws(DiskError) -> FileStamp {
        let folder = try openFolder(of: place, with: stamp)
        return try rename(
            place.path.name, in: folder, to: name.bytes, in: makeAndOpen(name.folder.place))
    }

    func moveBack(_ name: AsideName, to place: Place) throws(DiskError) -> FileStamp {
        guard place.root.isLibrary else { throw .readOnly }
        return try rename(
            name.bytes, in: open(name.folder.place), to: place.path.name,
            in: makeAndOpen(place.folder))
    }

    func reclaim(
        _ name: AsideName, _ stamp: FileStamp, _ digest: Digest, to temporary: TemporaryName
    ) throws(DiskError) -> FileStamp {
        let folder = try open(name.folder.place)
        let file = try Descriptor.open(name.bytes, in: folder, flags: O_RDONLY | O_NONBLOCK)
        let found = try file.stamp()
        guard try file.information().isRegularFile, found.isSameFile(as: stamp) else {
            throw .changed
        }
        // A power cut may have changed bytes that were not yet on the disk when they were read, and
        // its move has changed the time that would tell.
        guard try FileHashing.read(file).digest == digest, try file.stamp() == found else {
            throw .changed
        }
        // What is there is an unfinished file of the same bytes.
        try remove(temporary)
        return try rename(
            name.bytes, in: folder, to: Array(temporary.text.utf8),
            in: makeAndOpen(LibraryFolder.incoming))
    }

    func remove(_ name: AsideName) throws(DiskError) {
        let folder: Descriptor
        do throws(DiskError) { folder = try open(name.folder.place) } catch {
            if error == .notFound { return }
            throw error
        }
        let result = withName(name.bytes) { unlinkat(folder.number, $0, 0) }
        guard result == 0 || errno == ENOENT else { throw DiskError(errno: errno) }
    }

    /// Unlinks it if nobody can miss it: the same file as it was, and open for writing nowhere.
    func giveUp(_ name: AsideName, _ stamp: FileStamp) throws(DiskError) {
        let folder = try open(name.folder.place)
        let file = try Descriptor.open(name.bytes, in: folder, flags: O_RDONLY | O_NONBLOCK)
        // Held until the file is closed: nobody begins to write meanwhile.
        try file.keepWritersOut()
        guard try file.information().isRegularFile, try file.stamp().isSameFile(as: stamp),
            case .file(let named) = try folder.entry(named: name.bytes)?.kind,
            named.isSameFile(as: stamp)
        else { throw .changed }
        let result = withName(name.bytes) { unlinkat(folder.number, $0, 0) }
        guard result == 0 else { throw DiskError(errno: errno) }
        withExtendedLifetime(file) {}
    }

    func rename(
        _ place: Place, _ stamp: FileStamp, to target: Place
    ) throws(DiskError) -> FileStamp {
        guard target.root.isLibrary else { throw .readOnly }
        let folder = try openFolder(of: place, with: stamp)
        do throws(DiskError) {
            return try rename(
                place.path.name, in: folder, to: target.path.name, in: makeAndOpen(target.folder))
        } catch {
            // To a disk that folds case the new name is the file's own already.
            guard error == .alreadyExists, target.folder == place.folder,
                FileName.key(target.path.name) == FileName.key(place.path.name),
                case .file(let found) = try folder.entry(named: target.path.name)?.kind,
                found.inode == stamp.inode
            else { throw error }
            let result = withName(place.path.name) { from in
                withName(target.path.name) { to in
                    renameat(folder.number, from, folder.number, to)
                }
            }
            guard result == 0 else { throw DiskError(errno: errno) }
            guard case .file(let moved) = try folder.entry(named: target.path.name)?.kind else {
                throw .changed
            }
            return moved
        }
    }

    /// `nil`: no regular file is there.
    func fileStamp(at place: Place) throws(DiskError) -> FileStamp? {
        guard case .file(let stamp) = try entry(at: place)?.kind else { return nil }
        return stamp
    }

    func fileStamp(at elsewhere: Elsewhere) throws(DiskError) -> FileStamp? {
        switch elsewhere {
        case .place(let place): try fileStamp(at: place)
        case .aside(let name):
            try fileStamp(
                at: Place(root: .library, path: name.folder.place.path.appending(name.bytes)))
        }
    }

    private func openFolder(
        of place: Place, with stamp: FileStamp
    ) throws(DiskError) -> Descriptor {
        guard place.root.isLibrary else { throw .readOnly }
        let folder = try open(place.folder)
        guard let entry = try folder.entry(named: place.path.name) else { throw .notFound }
        guard entry.kind == .file(stamp) else { throw .changed }
        return folder
    }

    private func rename(
        _ name: [UInt8], in folder: Descriptor, to target: [UInt8], in targetFolder: Descriptor
    ) throws(DiskError) -> FileStamp {
        let result = withName(name) { from in
            withName(target) { to in
                martlet_rename_exclusive(folder.number, from, targetFolder.number, to)
            }
        }
        guard result == 0 else { throw DiskError(errno: errno) }
        guard case .file(let stamp) = try targetFolder.entry(named: target)?.kind else {
            throw .changed
        }
        return stamp
    }
}

extension Descriptor {
    /// Succeeds for a file, opened for reading alone, that is open for writing nowhere: whoever opens
    /// it for writing then waits until it is closed here.
    ///
    /// Fails with `changed` when a program writes to it, and with `notPermitted` on file systems
    /// that cannot tell.
    fileprivate func keepWritersOut() throws(DiskError) {
        #if os(Linux)
        // F_SETLEASE of <fcntl.h>, which Swift does not import.
        if fcntl(number, 1_024, Int32(F_RDLCK)) == 0 { return }
        throw errno == EAGAIN ? .changed : .notPermitted
        #else
        throw .notPermitted
        #endif
    }
}

extension AsideName {
    var bytes: [UInt8] { Array(text.utf8) }
}
