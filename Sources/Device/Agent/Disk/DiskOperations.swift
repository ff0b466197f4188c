import CMartlet
import Library
import Records
package import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension DeviceDisk {
    /// Performs one operation; blocks until it is done.
    ///
    /// None overwrites a user's file, and none unlinks one in its place.
    package func perform(_ operation: DiskOperation) throws(DiskError) -> DiskOutcome {
        switch operation {
        case .createFolder(let folder):
            _ = try makeAndOpen(folder)
        case .copy(let place, let stamp, let temporary):
            return try copy(place, stamp, to: temporary)
        case .setTime(let temporary, let modifiedAt):
            try setTime(temporary, modifiedAt: modifiedAt)
        case .syncLibrary:
            let root = try Descriptor.openFolder(root(.library).path)
            guard martlet_sync_file_system(root.number) == 0 else { throw DiskError(errno: errno) }
        case .moveIntoPlace(let temporary, let place):
            return .moved(try move(temporary, into: place))
        case .syncFolder(let folder):
            try open(folder).sync()
        case .moveAside(let place, let stamp, let name):
            return .moved(try moveAside(place, stamp, to: name))
        case .moveBack(let name, let place):
            return .moved(try moveBack(name, to: place))
        case .reclaim(let name, let stamp, let digest, let temporary):
            return .moved(try reclaim(name, stamp, digest, to: temporary))
        case .giveUp(let name, let stamp):
            try giveUp(name, stamp)
        case .removeAside(let name):
            try remove(name)
        case .locate(let place, let elsewhere):
            // A library that is not there has lost nothing.
            _ = try open(LibraryFolder.incoming)
            return .located(
                atPlace: try fileStamp(at: place), elsewhere: try fileStamp(at: elsewhere))
        case .rename(let place, let stamp, let target):
            return .moved(try rename(place, stamp, to: target))
        case .removeTemporary(let temporary):
            try remove(temporary)
        case .renew(let temporary):
            try renew(temporary)
        case .keepPreview(let temporary, let name):
            try keep(temporary, as: name)
        case .removePreview(let name):
            try remove(name)
        case .listPreviews(let folder): return .previews(try previews(in: folder))
        case .listTemporaries:
            let names = try open(LibraryFolder.incoming).names()
            return .temporaries(
                names.map { TemporaryName(String(decoding: $0, as: UTF8.self)) }.sorted())
        case .writeMark(let mark):
            try LibraryFolder.write(
                mark, at: String(decoding: root(.library).path, as: UTF8.self))
        case .syncRows:
            preconditionFailure("Rows are the loop's: it syncs them itself.")
        }
        return .done
    }

    func openTemporary(
        _ temporary: TemporaryName, flags: Int32
    ) throws(DiskError) -> Descriptor {
        try Descriptor.open(
            Array(temporary.text.utf8), in: makeAndOpen(LibraryFolder.incoming), flags: flags,
            mode: 0o644)
    }

    func makeAndOpen(_ folder: Folder) throws(DiskError) -> Descriptor {
        var current = try Descriptor.openFolder(root(folder.root).path)
        for component in folder.path.components {
            do throws(DiskError) {
                current = try Descriptor.open(component, in: current, flags: O_RDONLY | O_DIRECTORY)
            } catch {
                guard error == .notFound else { throw error }
                let made = withName(component) { mkdirat(current.number, $0, 0o755) }
                guard made == 0 || errno == EEXIST else { throw DiskError(errno: errno) }
                current = try Descriptor.open(component, in: current, flags: O_RDONLY | O_DIRECTORY)
            }
        }
        return current
    }

    private func setTime(_ temporary: TemporaryName, modifiedAt: Int64) throws(DiskError) {
        let file = try openTemporary(temporary, flags: O_WRONLY)
        let time = timespec(nanoseconds: modifiedAt)
        guard futimens(file.number, [time, time]) == 0 else { throw DiskError(errno: errno) }
    }

    private func move(_ temporary: TemporaryName, into place: Place) throws(DiskError) -> FileStamp
    {
        let (incoming, folder) = (try open(LibraryFolder.incoming), try open(place.folder))
        let result = withName(Array(temporary.text.utf8)) { from in
            withName(place.path.name) { to in
                martlet_rename_exclusive(incoming.number, from, folder.number, to)
            }
        }
        guard result == 0 else { throw DiskError(errno: errno) }
        guard case .file(let stamp) = try folder.entry(named: place.path.name)?.kind else {
            throw .changed
        }
        return stamp
    }

    func remove(_ temporary: TemporaryName) throws(DiskError) {
        let folder = try makeAndOpen(LibraryFolder.incoming)
        let result = withName(Array(temporary.text.utf8)) { unlinkat(folder.number, $0, 0) }
        guard result == 0 || errno == ENOENT else { throw DiskError(errno: errno) }
    }

    private func renew(_ temporary: TemporaryName) throws(DiskError) {
        let copyName = TemporaryName("renewed-\(temporary.text)")
        let source = try openTemporary(temporary, flags: O_RDONLY)
        let copy = try openTemporary(copyName, flags: O_RDWR | O_CREAT | O_TRUNC)
        do throws(DiskError) {
            if martlet_clone_file(copy.number, source.number) != 0 {
                _ = try FileHashing.read(source) { (bytes, offset) throws(DiskError) in
                    try copy.write(bytes, at: offset)
                }
            }
            let folder = try open(LibraryFolder.incoming)
            let result = withName(Array(copyName.text.utf8)) { from in
                withName(Array(temporary.text.utf8)) { to in
                    renameat(folder.number, from, folder.number, to)
                }
            }
            guard result == 0 else { throw DiskError(errno: errno) }
        } catch {
            try? remove(copyName)
            throw error
        }
    }

    private func keep(_ temporary: TemporaryName, as name: PreviewName) throws(DiskError) {
        let place = Place(root: .library, path: name.path)
        let (incoming, folder) = (
            try open(LibraryFolder.incoming), try makeAndOpen(place.folder)
        )
        let result = withName(Array(temporary.text.utf8)) { from in
            withName(place.path.name) { to in
                renameat(incoming.number, from, folder.number, to)
            }
        }
        guard result == 0 else { throw DiskError(errno: errno) }
    }

    private func remove(_ name: PreviewName) throws(DiskError) {
        // A library that is not there has lost nothing.
        _ = try open(LibraryFolder.incoming)
        let place = Place(root: .library, path: name.path)
        do throws(DiskError) {
            let folder = try open(place.folder)
            let result = withName(place.path.name) { unlinkat(folder.number, $0, 0) }
            guard result == 0 || errno == ENOENT else { throw DiskError(errno: errno) }
        } catch {
            guard error == .notFound else { throw error }
        }
    }

    private func previews(in folder: Int) throws(DiskError) -> [PreviewName] {
        // A library that is not there has lost nothing.
        _ = try open(LibraryFolder.incoming)
        let place = Folder(root: .library, path: PreviewName.path(ofFolder: folder))
        do throws(DiskError) {
            return try open(place).names().compactMap(PreviewName.init(fileName:))
        } catch {
            guard error == .notFound else { throw error }
            return []
        }
    }

    /// Shares the blocks where the disk can, else copies; hashes what the copy holds either way.
    private func copy(
        _ place: Place, _ stamp: FileStamp, to temporary: TemporaryName
    ) throws(DiskError) -> DiskOutcome {
        let source = try open(place, stamp)
        let copy = try openTemporary(temporary, flags: O_RDWR | O_CREAT | O_TRUNC)
        let shares = martlet_clone_file(copy.number, source.number) == 0
        let read = try FileHashing.read(shares ? copy : source) {
            (bytes, offset) throws(DiskError) in
            if !shares { try copy.write(bytes, at: offset) }
        }
        guard try source.stamp() == stamp, read.byteCount == stamp.byteCount else {
            throw .changed
        }
        return .copied(read.digest, byteCount: read.byteCount)
    }
}
