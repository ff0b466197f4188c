import Agent
import ArgumentParser
import Records
import SyncEngine

struct PhotosAlbumCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "album", abstract: "Albums, the same on every device.",
        subcommands: [
            List.self, Create.self, Rename.self, Add.self, Remove.self, Delete.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the albums.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let albums = try DeviceDatabase(home).read { (rows) throws(RowsError) in
                try PhotoAlbums(rows).list()
            }
            if output.json { return try Output.json(albums) }
            for album in albums { Output.line("\(album.name)  \(album.photoCount)") }
            if albums.isEmpty { Output.line("There are no albums.") }
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an album.")

        @Argument(help: "Its name.")
        var name: String

        @OptionGroup var output: OutputOptions

        func validate() throws { try AlbumName.validate(name) }

        func run() async throws {
            let surroundings = Surroundings.machine()
            let id = RecordID(high: surroundings.randomNumber(), low: surroundings.randomNumber())
            try await AlbumCommand.run(name, mayBeNew: true, "made", output) {
                (albums, known, now) throws(RowsError) in
                guard known == nil else { return false }
                try albums.create(id, name: name, at: now)
                return true
            }
        }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give an album another name.")

        @Argument(help: "Its name or id.")
        var name: String

        @Argument(help: "The new name.")
        var newName: String

        @OptionGroup var output: OutputOptions

        func validate() throws { try AlbumName.validate(newName) }

        func run() async throws {
            try await AlbumCommand.run(name, "is called \(newName) now", output) {
                (albums, album, now) throws(RowsError) in
                guard let album else { return false }
                try albums.rename(album, to: newName, at: now)
                return true
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Put photos into an album.")

        @Argument(help: "The album's name or id.")
        var name: String

        @Argument(help: "Paths, names or ids.")
        var items: [String]

        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await AlbumCommand.run(name, items, "in \(name)", output) {
                (albums, items, album, now) throws(RowsError) in
                try albums.add(items, to: album, at: now)
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take photos out of an album; they stay in the library.")

        @Argument(help: "The album's name or id.")
        var name: String

        @Argument(help: "Paths, names or ids.")
        var items: [String]

        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await AlbumCommand.run(name, items, "no longer in \(name)", output) {
                (albums, items, album, now) throws(RowsError) in
                try albums.remove(items, from: album, at: now)
            }
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete an album; its photos stay in the library.")

        @Argument(help: "Its name or id.")
        var name: String

        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await AlbumCommand.run(name, "deleted; its photos stay", output) {
                (albums, album, now) throws(RowsError) in
                guard let album else { return false }
                try albums.delete(album, at: now)
                return true
            }
        }
    }
}

private enum AlbumName {
    static func validate(_ name: String) throws {
        guard (1...Limits.captionByteCountMax).contains(name.utf8.count) else {
            throw ValidationError(
                "An album's name has 1 to \(Limits.captionByteCountMax) bytes.")
        }
    }
}

/// What the album commands have in common.
private enum AlbumCommand {
    private struct Result: Encodable {
        let album: String
        let done: String
    }

    private enum Found {
        case done(Bool)
        case items([PhotoDecisions.Item])
        case complaint(Complaint)
    }

    /// `body` says whether there was something to do.
    static func run(
        _ name: String, mayBeNew: Bool = false, _ done: String, _ output: OutputOptions,
        _ body: (PhotoAlbums, RecordID?, Timestamp) throws(RowsError) -> Bool
    ) async throws {
        let home = try DeviceContext.signedIn()
        let now = Surroundings.machine().now().wall
        let found = try DeviceDatabase(home).writeDurably { (rows) throws(RowsError) -> Found in
            let albums = try PhotoAlbums(rows)
            let known = albums.albums(called: name)
            if let complaint = complaint(name, known, mayBeNew: mayBeNew) {
                return .complaint(complaint)
            }
            return .done(try body(albums, known.first, now))
        }
        switch found {
        case .complaint(let complaint): throw complaint
        case .done(false):
            throw Complaint(.incomplete, "albumExists", "There is an album \(name) already.")
        case .done, .items: break
        }
        _ = await ControlClient(home).ask(.userDecided)
        if output.json { return try Output.json(Result(album: name, done: done)) }
        Output.line("\(name): \(done)")
    }

    static func run(
        _ name: String, _ names: [String], _ done: String, _ output: OutputOptions,
        _ body: (PhotoAlbums, [PhotoDecisions.Item], RecordID, Timestamp) throws(RowsError) -> Void
    ) async throws {
        let home = try DeviceContext.signedIn()
        let now = Surroundings.machine().now().wall
        let found = try DeviceDatabase(home).writeDurably { (rows) throws(RowsError) -> Found in
            let albums = try PhotoAlbums(rows)
            let known = albums.albums(called: name)
            if let complaint = complaint(name, known, mayBeNew: false) {
                return .complaint(complaint)
            }
            let found = try PhotoDecisions(rows, at: now).find(names, in: .library)
            if let complaint = DecisionCommand.complaint(of: found, .library) {
                return .complaint(complaint)
            }
            if let album = known.first { try body(albums, found.items, album, now) }
            return .items(found.items)
        }
        switch found {
        case .complaint(let complaint): throw complaint
        case .items(let items): try await DecisionCommand.tell(done, items, home, output)
        case .done: break
        }
    }

    private static func complaint(
        _ name: String, _ known: [RecordID], mayBeNew: Bool
    ) -> Complaint? {
        if known.isEmpty, !mayBeNew {
            return Complaint(
                .incomplete, "unknownAlbum",
                "There is no album \(name): see martlet photos album list.")
        }
        guard known.count > 1 else { return nil }
        return Complaint(
            .incomplete, "ambiguousAlbum",
            "Several albums are called \(name): name it by its id "
                + "(martlet photos album list --json).")
    }
}
