import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// The database's file may be deleted or replaced while it is in use: what is written then is in no
// file that anybody finds.
extension DatabaseRows {
    /// Throws when another file, or none, lies where the database was opened.
    ///
    /// One that was deleted is still whole in here: it is written anew, and whoever uses it begins
    /// again from that (`unavailable`). What somebody put in its place is not touched (`damaged`).
    func requireFile() throws(RowsError) {
        guard connection.hasMoved else { return }
        // Its log's name may be another database's by now.
        connection.keepAsItIs()
        guard access(connection.path, F_OK) != 0, errno == ENOENT else {
            throw RowsError(
                .damaged, "This device's database was replaced while it was in use.",
                cause: "another file was put in its place while it was in use")
        }
        do throws(DiskError) { try putBack() } catch {
            throw RowsError(
                error == .noSpace ? .diskFull : .unavailable,
                "This device's database was deleted while it was in use, and cannot be written anew "
                    + "(\(error.text)).", cause: "its file was deleted")
        }
        throw RowsError(
            .unavailable,
            "This device's database was deleted while it was in use, and was written anew.",
            cause: "its file was deleted")
    }

    private func putBack() throws(DiskError) {
        let path = connection.path
        let (folder, name) = try Descriptor.openParent(of: path)
        let copy = name + Array("-copy".utf8)
        _ = withName(copy) { unlinkat(folder.number, $0, 0) }
        // SQLite fills an empty file: nobody else may read this one.
        let file = try Descriptor.open(
            copy, in: folder, flags: O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        do {
            try connection.execute("VACUUM INTO ?", [.text(path + "-copy")])
        } catch {
            _ = withName(copy) { unlinkat(folder.number, $0, 0) }
            throw error.code == .diskFull ? .noSpace : .inputOutput(errno: EIO)
        }
        try file.sync()
        // The log and its index are the deleted one's: all of it is in the copy.
        for suffix in ["-wal", "-shm"] {
            _ = withName(name + Array(suffix.utf8)) { unlinkat(folder.number, $0, 0) }
        }
        // Unlike a renaming, a link takes no other file's place.
        let result = withName(copy) { from in
            withName(name) { to in linkat(folder.number, from, folder.number, to, 0) }
        }
        guard result == 0 else { throw DiskError(errno: errno) }
        _ = withName(copy) { unlinkat(folder.number, $0, 0) }
        try folder.sync()
    }
}
