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
        if output.json { return try Output.json(trash) }
        for item in trash { Output.line("\(item.id)  \(item.name)") }
        if trash.isEmpty { Output.line("Nothing lies in Recently Deleted.") }
    }
}

struct PhotosRestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Bring photos back from Recently Deleted.")

    @Argument(help: "Names or ids, as martlet photos trash lists them.")
    var items: [String] = []

    @Flag(help: "Everything that lies there.")
    var all = false

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard all != !items.isEmpty else { throw ValidationError("Name photos, or --all.") }
    }

    func run() async throws {
        try await TrashSelection(names: items, all: all).run("restored", output) {
            (decisions, items) throws(RowsError) in
            try decisions.note(RecordPatch(trashed: false), about: items)
        }
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
