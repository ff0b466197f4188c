package import Records
import Storage

/// Puts one database into the place of another, which is moved aside; both are whole at any moment.
///
/// A mark says that it is under way: no server opens the folder then, and whoever mends it next puts
/// back what was there.
package struct MendingPlaces: Sendable {
    private static let file = "database.sqlite"
    private static let title = "martlet mending 1"
    /// Of what is moved aside.
    private static let prefix = "mended-"

    package let folder: String
    package let database: String
    package let mark: String

    package init(folder: String, database: String, mark: String) {
        self.folder = folder
        self.database = database
        self.mark = mark
    }

    /// Where the new one is made.
    var new: String { folder + "/mending.sqlite" }

    private static func exists(_ path: String) throws(StorageError) -> Bool {
        try PlainFiles.byteCount(path) != nil
    }

    /// Returns where the one that was there is now.
    func exchange(for source: String, at now: Timestamp) throws -> String {
        let aside = "\(folder)/\(Self.prefix)\(now.milliseconds)"
        try PlainFiles.makeFolder(aside)
        try PlainFiles.write(Array("\(Self.title)\n\(aside)\n\(source)\n".utf8), to: mark)
        // The file itself last: once it is gone, all of it is.
        for end in ["-wal", "-shm", ""] where try Self.exists(database + end) {
            try PlainFiles.move(database + end, to: "\(aside)/\(Self.file)\(end)")
        }
        try PlainFiles.syncFolder(aside)
        for end in ["-wal", "-shm", ""] where try Self.exists(source + end) {
            try PlainFiles.move(source + end, to: database + end)
        }
        try PlainFiles.syncFolder(folder)
        try PlainFiles.remove(mark)
        try PlainFiles.syncFolder(folder)
        return aside
    }

    /// Ends an exchange that was interrupted by putting back what was there.
    ///
    /// A restore's mark is left alone: throws `cannotOpen`. Call it while no server runs. Blocks.
    package func putBack() throws {
        guard try Self.exists(mark) else { return }
        let text = try PlainFiles.read(mark, byteCountMax: Limits.mendingMarkByteCountMax)
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        guard lines.count == 3, lines[0] == Self.title else {
            throw StorageError(
                .cannotOpen, "A restore into \(folder) has not ended: run martlet restore again.")
        }
        let (aside, source) = ("\(lines[1])/\(Self.file)", lines[2])
        if try Self.exists(aside) {
            for end in ["-wal", "-shm", ""] where try Self.exists(database + end) {
                try PlainFiles.move(database + end, to: source + end)
            }
        }
        for end in ["", "-wal", "-shm"] where try Self.exists(aside + end) {
            try PlainFiles.move(aside + end, to: database + end)
        }
        try PlainFiles.syncFolder(folder)
        try PlainFiles.remove(mark)
        try PlainFiles.syncFolder(folder)
    }

    /// Puts back the database that was moved aside last; the one in its place is moved aside.
    ///
    /// Returns where that is now. Call it while no server runs. Throws `nothingAside`. Blocks.
    package func undo(at now: Timestamp) throws -> String {
        try putBack()
        let latest = try PlainFiles.names(in: folder)
            .filter { $0.hasPrefix(Self.prefix) }
            .compactMap { name in Int64(name.dropFirst(Self.prefix.count)).map { ($0, name) } }
            .filter { try Self.exists("\(folder)/\($0.1)/\(Self.file)") }
            .max { $0.0 < $1.0 }
        guard let latest else {
            throw MendingError(.nothingAside, "No repair has moved a database aside in \(folder).")
        }
        return try exchange(for: "\(folder)/\(latest.1)/\(Self.file)", at: now)
    }
}

extension Limits {
    static let mendingMarkByteCountMax = 16 << 10
}
