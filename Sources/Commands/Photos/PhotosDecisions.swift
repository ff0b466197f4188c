import Agent
import ArgumentParser
import Library
import Records
import SyncEngine

/// What the commands by which people decide about photos have in common.
enum DecisionCommand {
    struct Result: Encodable {
        /// What was done, in one word such as `favorite` or `trashed`.
        let done: String
        let items: [PhotoDecisions.Item]
    }

    /// Finds the named items, all or none, lets `body` note what was decided, and tells the agent.
    static func run(
        _ names: [String], in section: PhotoDecisions.Section = .library, _ done: String,
        _ output: OutputOptions,
        _ body: (PhotoDecisions, [PhotoDecisions.Item]) throws(RowsError) -> Void
    ) async throws {
        let home = try DeviceContext.signedIn()
        let now = Surroundings.machine().now().wall
        let found = try DeviceDatabase(home).writeDurably { (rows) throws(RowsError) in
            let decisions = try PhotoDecisions(rows, at: now)
            let found = try decisions.find(names, in: section)
            if complaint(of: found, section) == nil { try body(decisions, found.items) }
            return found
        }
        if let complaint = complaint(of: found, section) { throw complaint }
        try await tell(done, found.items, home, output)
    }

    /// Tells the running agent, which sends it at once, and the user.
    static func tell(
        _ done: String, _ items: [PhotoDecisions.Item], _ home: DeviceHome,
        _ output: OutputOptions
    ) async throws {
        let hears = await ControlClient(home).ask(.userDecided) != nil
        if output.json { return try Output.json(Result(done: done, items: items)) }
        for item in items { Output.line("\(item.name): \(done)") }
        if !hears, !items.isEmpty { Output.line("Other devices hear of it with the next sync.") }
    }

    static func complaint(
        of found: PhotoDecisions.Found, _ section: PhotoDecisions.Section
    ) -> Complaint? {
        if let name = found.unknown.first {
            let place = section == .trash ? "lies in Recently Deleted" : "is in the library"
            return Complaint(
                .incomplete, "unknownItem",
                "No photo \(name) \(place): see martlet photos "
                    + (section == .trash ? "trash." : "list."))
        }
        if let name = found.ambiguous.first {
            return Complaint(
                .incomplete, "ambiguousItem",
                "Several photos are called \(name): name it by its path or its id.")
        }
        if let item = found.items.first(where: \.isReadOnly) {
            return Complaint(
                .incomplete, "fromNewerVersion",
                "\(item.name) was changed by a newer Martlet: update this one to change it.")
        }
        return nil
    }
}

struct PhotosFavoriteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "favorite", abstract: "Make photos favorites, on every device.")

    @Argument(help: "Paths, names or ids.")
    var items: [String]

    @Flag(help: "They are favorites no longer.")
    var off = false

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let value = off ? JSONValue.null : .bool(true)
        try await DecisionCommand.run(items, off ? "no favorite" : "favorite", output) {
            (decisions, items) throws(RowsError) in
            try decisions.note(RecordPatch(set: ["favorite": value]), about: items)
        }
    }
}

struct PhotosHideCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hide", abstract: "Hide photos from the library, on every device.")

    @Argument(help: "Paths, names or ids.")
    var items: [String]

    @Flag(help: "Show them again.")
    var off = false

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let value = off ? JSONValue.null : .bool(true)
        try await DecisionCommand.run(items, off ? "shown" : "hidden", output) {
            (decisions, items) throws(RowsError) in
            try decisions.note(RecordPatch(set: ["hidden": value]), about: items)
        }
    }
}

struct PhotosEditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit", abstract: "Give photos a title, a caption and keywords.")

    @Argument(help: "Paths, names or ids.")
    var items: [String]

    @Option(help: "The title; empty for none.")
    var title: String?

    @Option(help: "The caption; empty for none.")
    var caption: String?

    @Option(help: ArgumentHelp("A keyword to add.", valueName: "keyword"))
    var addKeyword: [String] = []

    @Option(help: ArgumentHelp("A keyword to take away.", valueName: "keyword"))
    var removeKeyword: [String] = []

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard title != nil || caption != nil || !addKeyword.isEmpty || !removeKeyword.isEmpty
        else {
            throw ValidationError(
                "Say what: --title, --caption, --add-keyword or --remove-keyword.")
        }
        guard [title, caption].allSatisfy({ $0?.utf8.count ?? 0 <= Limits.captionByteCountMax })
        else {
            throw ValidationError(
                "A title or a caption has at most \(Limits.captionByteCountMax) bytes.")
        }
        guard addKeyword.allSatisfy({ (1...Limits.nameByteCountMax).contains($0.utf8.count) })
        else {
            throw ValidationError("A keyword has 1 to \(Limits.nameByteCountMax) bytes.")
        }
    }

    func run() async throws {
        var patch = RecordPatch()
        if let title { patch.set["title"] = title.isEmpty ? .null : .string(title) }
        if let caption { patch.set["caption"] = caption.isEmpty ? .null : .string(caption) }
        let keywords = RecordPatch(
            added: addKeyword.isEmpty ? [:] : ["keywords": addKeyword],
            removed: removeKeyword.isEmpty ? [:] : ["keywords": removeKeyword])
        let whole = patch.followed(by: keywords)
        try await DecisionCommand.run(items, "edited", output) {
            (decisions, items) throws(RowsError) in try decisions.note(whole, about: items)
        }
    }
}
