import Records
import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A server's claim to its own folder for temporary files, where others have theirs beside it.
///
///     DATA/temporary-HOST-PROCESS-RANDOM/lease
///
/// The file is locked as long as its process lives, and renewed by it. A folder is nobody's when its
/// lease is a day older than one that was renewed just now and its lock is free: no living server on
/// this machine can lose it, nor one on another machine whose locks cannot be seen from here. Times
/// are the file system's own, whatever the machines' clocks say.
package final class TemporaryLease: Sendable {
    private let folder: DataFolder
    private let lock: DataFolderLock

    private static let name = "lease"

    /// Claims the folder that `DataFolder.prepare` has made; blocks.
    package init(_ folder: DataFolder) throws(ServerError) {
        self.folder = folder
        lock = try DataFolderLock(path: folder.temporary + "/" + Self.name)
    }

    /// Says that this server lives, and removes what others left that don't.
    ///
    /// Returns the names of folders that it removed. Blocks.
    @discardableResult
    package func renew() throws -> [String] {
        lock.describe("process \(ProcessIdentity.name)")
        guard let now = try PlainFiles.modified(folder.temporary + "/" + Self.name) else {
            return []
        }
        var removed: [String] = []
        for name in try PlainFiles.names(in: folder.path)
        where (name == "temporary" || name.hasPrefix("temporary-"))
            && !folder.temporary.hasSuffix("/" + name)
        {
            if try remove(folder.path + "/" + name, at: now) { removed.append(name) }
        }
        return removed
    }

    private func remove(_ path: String, at now: Timestamp) throws -> Bool {
        let lease = path + "/" + Self.name
        let renewed = try PlainFiles.modified(lease) ?? PlainFiles.modified(path)
        guard let renewed,
            renewed < now.adding(seconds: -Int64(Limits.temporaryLeaseSeconds))
        else { return false }
        // One that was never begun has none.
        if try PlainFiles.modified(lease) != nil {
            guard let free = try? DataFolderLock(path: lease) else { return false }
            withExtendedLifetime(free) {}
        }
        try FileManager.default.removeItem(atPath: path)
        return true
    }
}
