import Records
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

/// Where a library may go: an empty folder, or none yet, that belongs to nothing else.
struct MoveRules {
    let home: DeviceHome
    /// Both absolute, with all links followed.
    let from: String
    let to: String

    /// Throws with a sentence that says what to do instead.
    func check() throws(AgentError) {
        guard to != from else {
            throw AgentError(.invalidConfiguration, "The library lies at \(to) already.")
        }
        guard !Self.lies(to, in: from) else {
            throw AgentError(
                .invalidConfiguration,
                "\(to) lies in the library itself: choose a folder outside \(from).")
        }
        guard !Self.lies(LibraryMove.resolved(home.path), in: from) else {
            throw AgentError(
                .invalidConfiguration,
                "\(home.path) lies in the library: move it out first (MARTLET_HOME).")
        }
        try checkSources()
        try checkOtherLibraries()
        try checkFolder()
    }

    private func checkSources() throws(AgentError) {
        let sources = try DeviceDatabase(home).read { (rows) throws(RowsError) in
            try rows.storedRoots().filter { !$0.id.isLibrary }
                .map { String(decoding: $0.disk.path, as: UTF8.self) }
        }
        for source in sources {
            let path = LibraryMove.resolved(source)
            guard !Self.lies(to, in: path), !Self.lies(path, in: to) else {
                throw AgentError(
                    .libraryTaken,
                    "\(to) and the source \(source) lie in each other: choose another folder.")
            }
        }
    }

    private func checkOtherLibraries() throws(AgentError) {
        var path = to
        while path != "/" {
            if access(path + "/.martlet/mark", F_OK) == 0 {
                throw AgentError(
                    .libraryTaken,
                    "\(to) lies in the library of another device, \(path): choose another folder.")
            }
            path = LibraryMove.parent(path)
        }
    }

    private func checkFolder() throws(AgentError) {
        var existing = to
        while access(existing, F_OK) != 0, existing != "/" {
            existing = LibraryMove.parent(existing)
        }
        var information = stat()
        guard stat(existing, &information) == 0, information.st_mode & S_IFMT == S_IFDIR else {
            throw AgentError(.invalidConfiguration, "\(existing) is not a folder.")
        }
        guard access(existing, W_OK | X_OK) == 0 else {
            let error = DiskError(errno: errno)
            throw AgentError(
                .fileUnusable, "\(existing) cannot be written: \(error.text).", cause: error)
        }
        guard existing == to else { return }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: to) else {
            throw AgentError(.fileUnusable, "\(to) cannot be read: check its rights.")
        }
        guard names.isEmpty else {
            throw AgentError(
                .invalidConfiguration,
                "\(to) is not empty: name an empty folder, such as \(to)/Martlet.")
        }
    }

    private static func lies(_ path: String, in folder: String) -> Bool {
        path == folder || folder == "/" || path.hasPrefix(folder + "/")
    }
}
