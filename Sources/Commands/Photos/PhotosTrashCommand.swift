import Agent
import ArgumentParser
import Library
import Records
import SyncEngine

struct PhotosTrashCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trash",
        abstract: "Move photos to Recently Deleted on every device, or list what lies there.")

    @Argument(help: "Paths, names or ids; none lists Recently Deleted.")
    var items: [String] = []

    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard items.isEmpty else {
            return try await DecisionCommand.run(items, "in Recently Deleted", output) {
                (decisions, items) throws(RowsError) in
                try decisions.note(RecordPatch(trashed: true), about: items)
            }
        }
        let home = try DeviceContext.signedIn()
        let now = Surroundings.machine().now().wall
        let trash = try DeviceDatabase(home).read { (rows) throws(RowsError) in
            try PhotoDecisions(rows, at: now).trash()
        }
        let refused = try LocalTrash(home).refused()
        if output.json {
            return try Output.json(trash.map(TrashListing.init) + refused.map(TrashListing.init))
        }
        for item in trash { Output.line("\(item.id)  \(item.name)") }
        if trash.isEmpty { Output.line("Nothing lies in Recently Deleted.") }
        guard !refused.isEmpty else { return }
        Output.line("On this device, changed files that were not wanted:")
        for file in refused { Output.line("  \(file.place.path.text)  (\(file.name.text))") }
    }
}

/// What lies in Recently Deleted, or only in this device's trash.
private struct TrashListing: Encodable {
    let id: String
    let name: String
    /// Where a changed file lay, below the library, and its name in `.martlet/trash/`.
    let path: String?
    let file: String?

    init(_ item: PhotoDecisions.Item) {
        (id, name, path, file) = (item.id.text, item.name, nil, nil)
    }

    init(_ refused: TrashedFile) {
        id = refused.agreed.asset.text
        name = FileName.cleaned(refused.place.path.name).text
        path = FileName.cleaned(refused.place.path.bytes).text
        file = refused.name.text
    }
}

struct PhotosRestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring photos back from Recently Deleted.")

    @Argument(help: "Names or ids, as martlet photos trash lists them.")
    var items: [String] = []

    @Flag(help: "Everything that lies in Recently Deleted.")
    var all = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard all != !items.isEmpty else { throw ValidationError("Name photos, or --all.") }
    }

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let trash = try LocalTrash(home)
        let refused = try trash.refused()
        let files = items.compactMap { item in refused.first { $0.isNamed(item) } }
        // All or none, so of one kind; what lies in Recently Deleted comes first.
        if !files.isEmpty, files.count == items.count, try !isInRecentlyDeleted(home) {
            return try await putBack(files, trash, home)
        }
        try await TrashSelection(names: items, all: all).run("restored", output) {
            (decisions, items) throws(RowsError) in
            try decisions.note(RecordPatch(trashed: false), about: items)
        }
    }

    private func isInRecentlyDeleted(_ home: DeviceHome) throws -> Bool {
        let now = Surroundings.machine().now().wall
        let found = try DeviceDatabase(home).read { (rows) throws(RowsError) in
            try PhotoDecisions(rows, at: now).find(items, in: .trash)
        }
        return !found.items.isEmpty || !found.ambiguous.isEmpty
    }

    /// Changed files that were not wanted, and are now: each is a picture of its own.
    private func putBack(
        _ files: [TrashedFile], _ trash: LocalTrash, _ home: DeviceHome
    ) async throws {
        var shown: [Restored] = []
        for file in files {
            let path = try trash.putBack(file)?.path.text
            shown.append(Restored(id: file.agreed.asset.text, name: file.name.text, path: path))
        }
        await DeviceContext.tellAgent(home)
        if output.json { return try Output.json(["items": shown]) }
        for file in shown {
            let gone = "\(file.name) is not there any more."
            Output.line(file.path.map { "Put back: \($0)" } ?? gone)
        }
    }

    private struct Restored: Encodable {
        let id: String
        let name: String
        let path: String?
    }
}

extension TrashedFile {
    /// By its name in the trash, or by where it lay, below the library.
    fileprivate func isNamed(_ text: String) -> Bool {
        name.text == text || FileName.cleaned(place.path.bytes).text == text
    }
}

struct PhotosDeleteNowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete-now",
        abstract: "Delete photos for good that lie in Recently Deleted; nobody can restore them.")

    @Argument(help: "Names or ids, as martlet photos trash lists them.")
    var items: [String] = []

    @Flag(help: "Everything that lies there.")
    var all = false

    @Flag(help: "Don't ask.")
    var yes = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard all != !items.isEmpty else { throw ValidationError("Name photos, or --all.") }
    }

    func run() async throws {
        try confirm()
        try await TrashSelection(names: items, all: all).run("deleted", output) {
            (decisions, items) throws(RowsError) in try decisions.purge(items)
        }
    }

    private func confirm() throws {
        guard !yes else { return }
        guard Output.isTerminal else {
            throw Complaint(
                .usage, "notConfirmed",
                "Nobody can undo this: say --yes where there is no terminal to ask on.")
        }
        Output.raw("Delete for good, on every device? Nobody can undo it. [y/N] ")
        guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
            throw Complaint(.incomplete, "notConfirmed", "Nothing was deleted.")
        }
    }
}

/// What of Recently Deleted a command is about.
private struct TrashSelection {
    let names: [String]
    let all: Bool

    func run(
        _ done: String, _ output: OutputOptions,
        _ body: (PhotoDecisions, [PhotoDecisions.Item]) throws(RowsError) -> Void
    ) async throws {
        guard all else {
            return try await DecisionCommand.run(names, in: .trash, done, output, body)
        }
        let home = try DeviceContext.signedIn()
        let now = Surroundings.machine().now().wall
        let items = try DeviceDatabase(home).writeDurably { (rows) throws(RowsError) in
            let decisions = try PhotoDecisions(rows, at: now)
            let items = try decisions.trash().filter { !$0.isReadOnly }
            try body(decisions, items)
            return items
        }
        try await DecisionCommand.tell(done, items, home, output)
    }
}
