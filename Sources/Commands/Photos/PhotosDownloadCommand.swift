import Agent
import ArgumentParser
import Records
import SyncEngine

struct PhotosDownloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "download",
        abstract: "Keep items' originals on this device, whatever Optimize Storage says.")

    @Argument(help: "Files' paths, or items' ids.")
    var items: [String]

    @OptionGroup var output: OutputOptions

    func run() async throws {
        // A device that keeps every original needs no word for each.
        let chosen = try await ItemChoices.choose(items) { $0 ? .keepHere : nil }
        if output.json { return try Output.json(chosen) }
        Output.line(
            chosen.sentence(one: "stays", many: "stay") + " on this device from now on"
                + (chosen.isRunning ? "." : ": what is missing comes with the next martlet sync."))
    }
}

struct PhotosEvictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evict",
        abstract: "Let items' originals leave this device: they stay in the cloud.",
        discussion: """
            An original leaves when the server has proven that it read its own copy back from its
            disk, and not before. Nothing is deleted anywhere else.
            """)

    @Argument(help: "Files' paths, or items' ids.")
    var items: [String]

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let chosen = try await ItemChoices.choose(items) { _ in .inCloud }
        if output.json { return try Output.json(chosen) }
        Output.line(
            chosen.sentence(one: "leaves", many: "leave")
                + " this device as soon as the server has proven its copy"
                + (chosen.isRunning ? "." : ", with the next martlet sync."))
    }
}

struct PhotosOpenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open",
        abstract: "Print the path of an item's original, fetched first when it is not here.")

    @Argument(help: "A file's path, or an item's id.")
    var item: String

    @Option(help: "How many seconds to wait for it.")
    var timeout = 600

    @OptionGroup var output: OutputOptions

    private struct Opened: Encodable { let item, path: String }

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let database = DeviceDatabase(home)
        let surroundings = Surroundings.machine()
        guard let asset = try database.readItems([item]).first else { return }
        let id = asset.record.key.id
        let wall = surroundings.now().wall
        try database.write { (rows) throws(RowsError) in try rows.noteUse(of: id, at: wall) }
        if let path = try path(of: id, database) { return try say(id, path) }
        try database.write { (rows) throws(RowsError) in try rows.choose(.fetch, for: id) }
        if await DeviceContext.tell(home, .choicesChanged) {
            let end = surroundings.now().uptime + Int64(timeout) * 1_000
            while surroundings.now().uptime < end {
                try? await surroundings.sleep(.milliseconds(Limits.progressMilliseconds / 2))
                if let path = try path(of: id, database) { return try say(id, path) }
            }
        } else {
            let agent = try Agent(home: home, once: true)
            _ = try await StopSignals.handled(by: { agent.stop() }) {
                await Result(of: { () async throws(AgentError) in try await agent.run() })
            }.get()
            if let path = try path(of: id, database) { return try say(id, path) }
        }
        throw Complaint(
            .incomplete, "notHere",
            "It is not on this device yet; martlet why \(id.text) says what it waits for.")
    }

    private func path(of id: RecordID, _ database: DeviceDatabase) throws -> String? {
        try database.read { (rows) throws(RowsError) in try rows.originalPath(of: id) }
    }

    private func say(_ id: RecordID, _ path: String) throws {
        if output.json { return try Output.json(Opened(item: id.text, path: path)) }
        Output.line(path)
    }
}

/// What the user said about some items, noted and told to the agent.
struct ItemChoices: Encodable {
    let items: [String]
    /// An agent heard of it.
    let isRunning: Bool

    private enum CodingKeys: String, CodingKey { case items }

    /// `choice`: by whether Optimize Storage is on.
    static func choose(
        _ items: [String], _ choice: @Sendable (Bool) -> ItemChoice?
    ) async throws -> Self {
        let home = try DeviceContext.signedIn()
        let database = DeviceDatabase(home)
        let assets = try database.readItems(items)
        try database.write { (rows) throws(RowsError) in
            let choice = choice(try rows.settings.optimizesStorage)
            for asset in assets { try rows.choose(choice, for: asset.record.key.id) }
        }
        return Self(
            items: assets.map(\.record.key.id.text),
            isRunning: await DeviceContext.tell(home, .choicesChanged))
    }

    func sentence(one: String, many: String) -> String {
        items.count == 1 ? "This item \(one)" : "These \(items.count) items \(many)"
    }
}

extension DeviceDatabase {
    /// The assets that a command names.
    func readItems(_ names: [String]) throws -> [RemoteRecord] {
        var problem: (any Error)?
        let assets = try read { (rows) throws(RowsError) in
            do {
                return try PhotosItems.assets(named: names, rows)
            } catch let error as RowsError {
                throw error
            } catch {
                problem = error
                return []
            }
        }
        if let problem { throw problem }
        return assets
    }
}
