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

/// Repairs of single files: each proves its finding again, and moves aside what it replaces (P10).
package struct LibraryMending: Sendable {
    package let library: String
    private let disk: DeviceDisk

    package init(library: String) {
        self.library = library
        disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
    }

    /// Fetches the good bytes of a file, and lets them change places with the bad ones.
    ///
    /// `false`: the file is good, or not what it was; nothing was done.
    package func replace(
        _ file: AgreedFile, by requests: RepairRequests, _ quarantine: inout Quarantine
    ) async throws(RequestFailure) -> Bool {
        do throws(DiskError) {
            guard try disk.digest(of: file.place, file.stamp) != file.digest else { return false }
        } catch {
            guard error != .changed, error != .notFound else { return false }
            // What cannot be read to its end is damaged as well.
        }
        let temporary = TemporaryName("mend-\(file.digest.text)")
        try await requests.fetch(
            file.digest, byteCount: file.stamp.byteCount, modifiedAt: file.stamp.modifiedAt,
            into: temporary)
        do throws(DiskError) {
            try quarantine.take(file.place.path, file.stamp, isReplaced: true)
            do throws(DiskError) {
                _ = try disk.perform(.moveIntoPlace(temporary, file.place))
            } catch {
                try quarantine.putLastBack()
                throw error
            }
            _ = try disk.perform(.syncFolder(file.place.folder))
        } catch {
            if error == .changed { return false }
            throw .disk(error)
        }
        return true
    }

    /// Whether a file still holds the bytes that it was read with; blocks.
    package func isGood(_ file: AgreedFile) -> Bool {
        (try? disk.digest(of: file.place, file.stamp)) == file.digest
    }

    /// Whether nothing wrote to it since it was read.
    package func isUnchanged(_ file: AgreedFile) -> Bool {
        ((try? disk.fileStamp(at: file.place)) ?? nil) == file.stamp
    }

    /// Moves a mark that cannot be read aside and writes another; `false`: it can be read.
    package func markAnew(
        _ mark: LibraryMark, _ quarantine: inout Quarantine
    ) throws(DiskError) -> Bool {
        do throws(DiskError) {
            _ = try LibraryFolder.readMark(at: Array(library.utf8))
            return false
        } catch {
            guard error == .inputOutput(errno: EILSEQ) else { throw error }
        }
        let path = LibraryFolder.own.appending(LibraryFolder.markName)
        let place = Place(root: .library, path: path)
        guard let stamp = try disk.fileStamp(at: place) else { throw .notFound }
        try quarantine.take(path, stamp, isReplaced: true)
        try LibraryFolder.write(mark, at: library)
        return true
    }
}
