import Kernel
package import Operations
import Records
package import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// All that a server has its data in: a folder, a database, and a place for its blobs.
package struct ServerPlace: Sendable {
    package let folder: DataFolder
    package let blobs: BlobsPlace

    package init(folder: DataFolder, blobs: BlobsPlace) {
        self.folder = folder
        self.blobs = blobs
    }

    /// Reads a folder's absolute path and behind it, in any order, `postgres://…` and
    /// `s3://BUCKET[/PREFIX]`; what is not named is in the folder.
    ///
    /// `nil` for other words, or too many. Throws `cannotOpen` and `invalidPlace` for addresses that
    /// cannot be read.
    package init?(
        parsing words: [String], environment: [String: String]
    ) throws(StorageError) {
        guard let path = words.first, path.hasPrefix("/") else { return nil }
        var database = DatabasePlace.sqlite
        var blobs = BlobsPlace.directory
        for word in words.dropFirst() {
            switch (database, blobs) {
            case (.sqlite, _) where PostgresAddress.isAddress(word):
                database = .postgres(try PostgresAddress(parsing: word))
            case (_, .directory) where word.hasPrefix("s3://"):
                blobs = try BlobsPlace(parsing: word, environment: environment)
            default: return nil
            }
        }
        folder = DataFolder(path: path, database: database)
        self.blobs = blobs
    }

    /// How people name it, without a password.
    package var text: String {
        var words = [folder.path]
        if case .postgres(let address) = folder.place { words.append(address.description) }
        if case .bucket(let place) = blobs { words.append(place.text) }
        return words.joined(separator: " ")
    }

    fileprivate func hasDatabase(of other: ServerPlace) -> Bool {
        switch (folder.place, other.folder.place) {
        case (.sqlite, .sqlite): folder.path == other.folder.path
        case (.postgres(let one), .postgres(let two)): one.description == two.description
        default: false
        }
    }

    fileprivate func hasBlobs(of other: ServerPlace) -> Bool {
        switch (blobs, other.blobs) {
        case (.directory, .directory): folder.path == other.folder.path
        case (.bucket(let one), .bucket(let two)):
            one.address(of: "") == two.address(of: "")
                && one.text == two.text
        default: false
        }
    }
}

/// A move of a server from one place to another, with what keeps servers off both meanwhile.
package struct ServerMove: Sendable {
    private let source: ServerPlace
    private let target: ServerPlace
    private let surroundings: ServerSurroundings

    package init(
        from source: ServerPlace, to target: ServerPlace,
        surroundings: ServerSurroundings = .system
    ) throws(MoveError) {
        guard !source.hasDatabase(of: target) else {
            throw MoveError(
                .samePlace,
                "Both places have one database: name another for the place to move to, such as a "
                    + "new folder.")
        }
        guard source.folder.holdsServer else {
            throw MoveError(
                .noServerThere,
                "No server keeps its data in \(source.text): name its folder, and its database and "
                    + "bucket behind that.")
        }
        self.source = source
        self.target = target
        self.surroundings = surroundings
    }

    /// Moves it while no server runs; `ahead`: copies objects only, while servers of the source run.
    ///
    /// Throws `ServerError` or `StorageError.busy` while a server runs where none may. Blocks.
    package func run(
        ahead: Bool, allowsMissing: Bool, _ progress: (Move.Progress) -> Void
    ) async throws -> Move.Report {
        let locks = try ServerLocks(ahead ? [target] : [source, target])
        let move = try await open()
        let report =
            ahead
            ? try await move.copyAhead(progress)
            : try await move.run(
                allowsMissing: allowsMissing, at: surroundings.now(), prepareTarget: placeFiles,
                progress)
        withExtendedLifetime(locks) {}
        return report
    }

    /// Gives a move up that has begun.
    package static func cancel(from source: ServerPlace) async throws -> MoveMark {
        guard source.folder.holdsServer else {
            throw MoveError(
                .noServerThere, "No server keeps its data in \(source.text): name its folder.")
        }
        let locks = try ServerLocks([source])
        let mark = try await Move.cancel(
            in: try source.folder.openAnyDatabase(for: .movingFrom))
        withExtendedLifetime(locks) {}
        return mark
    }

    private func open() async throws -> Move {
        try checkKey()
        let from = try source.folder.openAnyDatabase(for: .movingFrom)
        try await source.blobs.checkKeys(in: from)
        let to = try target.folder.openAnyDatabase(for: .movingTo)
        return try Move(
            from: Move.Place(
                name: source.text, database: from,
                store: try source.blobs.openForReading(in: source.folder, surroundings)),
            to: Move.Place(
                name: target.text, database: to,
                store: try target.blobs.open(in: target.folder, surroundings)),
            keepsObjects: source.hasBlobs(of: target), kernel: DataFolder.kernel(surroundings),
            migrations: MartletServer.migrations)
    }

    private var hasOneFolder: Bool { source.folder.path == target.folder.path }

    /// Another server's key may be lying there.
    private func checkKey() throws {
        guard !hasOneFolder, try PlainFiles.byteCount(target.folder.receiptKey) != nil else {
            return
        }
        let (here, there) = (source.folder.receiptKey, target.folder.receiptKey)
        let isSame = try PlainFiles.byteCount(here) != nil && Self.read(here) == Self.read(there)
        guard isSame else {
            throw MoveError(
                .targetTaken,
                "\(target.folder.path) has another server's receipt.key: name another folder.")
        }
    }

    private static func read(_ path: String) throws -> [UInt8] {
        try PlainFiles.read(path, byteCountMax: Limits.keyFileByteCountMax)
    }

    /// What lies beside the database and is the server's for ever.
    private func placeFiles() throws {
        if hasOneFolder {
            // It says where the objects were; the server writes it anew when it starts.
            if !source.hasBlobs(of: target) { try PlainFiles.remove(target.folder.manifest) }
            return
        }
        for (from, to) in [
            (source.folder.revoked, target.folder.revoked),
            (source.folder.receiptKey, target.folder.receiptKey),
        ] where try PlainFiles.byteCount(from) != nil {
            try PlainFiles.write(try Self.read(from), to: to)
        }
    }
}

/// Keeps servers off places for as long as it is kept.
final class ServerLocks: Sendable {
    private let folders: [DataFolderLock]
    private let databases: [PostgresListener]

    /// Blocks.
    init(_ places: [ServerPlace], for work: String = "moving a server") throws {
        var paths: Set<String> = []
        var folders: [DataFolderLock] = []
        var databases: [PostgresListener] = []
        for place in places {
            if paths.insert(place.folder.path).inserted {
                folders.append(try place.folder.take(for: work))
            }
            if case .postgres(let address) = place.folder.place {
                databases.append(
                    try PostgresListener(address, folderNumber: 1, isShared: false))
            }
        }
        self.folders = folders
        self.databases = databases
    }
}
