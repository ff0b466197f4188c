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
        let (move, from, to) = try await open()
        let report =
            ahead
            ? try await move.copyAhead(progress)
            : try await move.run(
                allowsMissing: allowsMissing, at: surroundings.now(),
                prepareTarget: { try await placeKeepsakes(from, to) }, progress)
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

    /// The move, and the keepsakes of both places.
    private func open() async throws -> (Move, from: any Keepsakes, to: any Keepsakes) {
        let from = try source.folder.openAnyDatabase(for: .movingFrom)
        try await source.blobs.checkKeys(in: from)
        let fromStore = try source.blobs.openForReading(in: source.folder, surroundings)
        let kept = source.keepsakes(from, fromStore)
        try await check(kept)
        let to = try target.folder.openAnyDatabase(for: .movingTo)
        let toStore = try target.blobs.open(in: target.folder, surroundings)
        let move = try Move(
            from: Move.Place(name: source.text, database: from, store: fromStore),
            to: Move.Place(name: target.text, database: to, store: toStore),
            keepsObjects: source.hasBlobs(of: target), kernel: DataFolder.kernel(surroundings),
            migrations: MartletServer.migrations)
        return (move, kept, target.keepsakes(to, toStore))
    }

    private var hasOneFolder: Bool { source.folder.path == target.folder.path }

    /// Another server's key may be lying there.
    private func check(_ kept: any Keepsakes) async throws {
        guard !hasOneFolder, let there = try await target.folder.keepsakes.receiptKey() else {
            return
        }
        guard try await kept.receiptKey() == there else {
            throw MoveError(
                .targetTaken,
                "\(target.folder.path) has another server's receipt.key: name another folder.")
        }
    }

    /// What is the server's for ever, beside its rows.
    private func placeKeepsakes(_ from: any Keepsakes, _ to: any Keepsakes) async throws {
        // It says where the objects were; the server writes it anew when it starts.
        if hasOneFolder, !source.hasBlobs(of: target) {
            try PlainFiles.remove(target.folder.manifest)
        }
        try await to.take(from: from)
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
