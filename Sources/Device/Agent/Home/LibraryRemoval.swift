package import Library
import Records
import Status
package import SyncEngine

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

/// What became of a library whose originals were to leave this device.
package struct LibraryRemoval: Sendable {
    /// A file that stays, because the server has not proven that it has it.
    package struct Kept: Sendable {
        /// Below the library's folder.
        package let path: RelativePath
        /// A code for programs.
        package let why: String
        package let byteCount: Int64
    }

    package let removedCount: Int
    package let removedByteCount: Int64
    package private(set) var kept: [Kept]

    /// `before` and `after`: the library's files, as rows have them.
    package init(before: [LocalFile], after: [LocalFile]) {
        let left = Set(after.map(\.place))
        let removed = before.filter { !left.contains($0.place) }
        removedCount = removed.count
        removedByteCount = removed.reduce(0) { $0 + $1.stamp.byteCount }
        kept = after.map { file in
            Kept(
                path: file.place.path, why: Self.why(file), byteCount: file.stamp.byteCount)
        }
    }

    private static func why(_ file: LocalFile) -> String {
        switch file.state {
        case .notIncluded(let code): code
        case .unreadable: ReasonCode.unreadableFile.rawValue
        case .unread: ReasonCode.stillChanging.rawValue
        case .read, .sidecar:
            file.agreed == nil || file.isEdited
                ? ItemState.onlyHere.rawValue : ReasonCode.receiptPending.rawValue
        }
    }

    package static func files(of home: DeviceHome) throws(AgentError) -> [LocalFile] {
        try DeviceDatabase(home).read { (rows) throws(RowsError) in try rows.libraryFiles() }
    }

    /// What other devices deleted or replaced lies in the local trash: it stays as well.
    mutating func noteTrash(of library: String) {
        let folder = LibraryFolder.own.appending(Array("trash".utf8))
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        let entries = (try? disk.entries(of: Folder(root: .library, path: folder))) ?? []
        for entry in entries.sorted(by: { $0.name.lexicographicallyPrecedes($1.name) }) {
            guard case .file(let stamp) = entry.kind else { continue }
            kept.append(
                Kept(
                    path: folder.appending(entry.name),
                    why: ReasonCode.recentlyDeleted.rawValue, byteCount: stamp.byteCount))
        }
    }

    /// Throws unless all that may leave has left; `otherwise` completes “… or”.
    package static func expectDone(
        _ outcome: Outcome?, _ agent: Agent, otherwise: String
    ) async throws(AgentError) {
        switch outcome {
        case .inSync: return
        case .signInNeeded:
            throw AgentError(
                .signInNeeded,
                "The server does not accept this sign-in, so it cannot prove what it has: run "
                    + "martlet login, or \(otherwise). This device stays signed in.")
        case .serverUnreachable:
            throw AgentError(
                .serverUnreachable,
                "The server cannot be asked for proof of what it has, so files stay: try again, "
                    + "or \(otherwise). This device stays signed in.")
        case .incomplete, nil:
            let reason = try? await agent.status().reasons.first
            throw AgentError(
                .fileUnusable,
                "Files cannot leave now\(reason.map { ": \($0.message)" } ?? ".") Run it again, "
                    + "or \(otherwise). This device stays signed in.")
        }
    }

    /// Removes folders in which nothing is left; after the end of the sign-in also what only
    /// Martlet needs.
    package static func tidy(_ library: String, isSignedOut: Bool) {
        if isSignedOut {
            for name in ["incoming", "previews"] {
                try? FileManager.default.removeItem(atPath: library + "/.martlet/" + name)
            }
            for name in ["trash", "leaving"] { _ = rmdir(library + "/.martlet/" + name) }
            _ = rmdir(library + "/.martlet")
        }
        removeEmptyFolders(in: library)
        if isSignedOut { _ = rmdir(library) }
    }

    private static func removeEmptyFolders(in path: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        for name in names where !name.hasPrefix(".") {
            let folder = path + "/" + name
            var information = stat()
            guard lstat(folder, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
                continue
            }
            removeEmptyFolders(in: folder)
            // Fails when anything is left in it.
            _ = rmdir(folder)
        }
    }
}
