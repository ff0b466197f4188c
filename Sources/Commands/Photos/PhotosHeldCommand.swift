import Agent
import ArgumentParser
import Library
import Records
import SyncEngine

/// Many deletions or changes at once wait for a yes (P4).
struct PhotosHeldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "held",
        abstract: "Deletions and changes that are held because there are so many.",
        subcommands: [List.self, Apply.self, PutBack.self], defaultSubcommand: List.self)

    struct Item: Encodable {
        let id: String
        let name: String
        let path: String
        let change: String
        let since: Int64
    }

    struct Held: Encodable {
        let list: String
        let items: [Item]
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the list.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let list = try DeviceDatabase(home).read { (rows) throws(RowsError) in
                try HeldChanges.list(rows, at: Surroundings.machine().now().wall)
            }
            if output.json {
                let items = list.items.map { item in
                    Item(
                        id: item.asset.text, name: item.name,
                        path: FileName.cleaned(item.place.path.bytes).text,
                        change: item.change.rawValue, since: item.since.milliseconds)
                }
                return try Output.json(Held(list: list.digest.text, items: items))
            }
            guard !list.items.isEmpty else { return Output.line("Nothing is held.") }
            for item in list.items {
                let path = FileName.cleaned(item.place.path.bytes).text
                Output.line("\(item.change.rawValue)  \(path)")
            }
            Output.line(
                "\(list.items.count) held. To go on: martlet photos held apply|put-back "
                    + "--list \(list.digest.text.prefix(12))")
        }
    }

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say yes: what is held is done on all devices.")

        @Option(help: "The list that was shown; another one is refused.")
        var list: String?

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let count = try DeviceDatabase(home).write { (rows) throws(RowsError) in
                let count = try HeldAnswer.check(list, rows)
                if count != nil { try HeldChanges.apply(rows) }
                return count
            }
            try await HeldAnswer.say(count, "applied", home, output)
        }
    }

    struct PutBack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "put-back",
            abstract: "Say no: deleted files are fetched again, changed ones go to the local trash."
        )

        @Option(help: "The list that was shown; another one is refused.")
        var list: String?

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            var count: Int?
            _ = try LocalTrash(home).take { (rows) throws(RowsError) in
                count = try HeldAnswer.check(list, rows)
                guard count != nil else { return [] }
                return try HeldChanges.putBack(rows)
            }
            try await HeldAnswer.say(count, "putBack", home, output)
        }
    }
}

/// What both answers share: they are for the list that was shown, or refused.
private enum HeldAnswer {
    struct Result: Encodable {
        let answer: String
        let items: Int
    }

    /// How many items the answer is for; `nil`: the list is another by now.
    static func check(_ list: String?, _ rows: DatabaseRows) throws(RowsError) -> Int? {
        let held = try HeldChanges.list(rows, at: Surroundings.machine().now().wall)
        if let list, list.utf8.count < 8 || !held.digest.text.hasPrefix(list) { return nil }
        return held.items.count
    }

    static func say(
        _ count: Int?, _ answer: String, _ home: DeviceHome, _ output: OutputOptions
    ) async throws {
        guard let count else {
            throw Complaint(
                .incomplete, "listChanged",
                "The list is another by now: see martlet photos held, then answer again.")
        }
        await DeviceContext.tellAgent(home)
        if output.json { return try Output.json(Result(answer: answer, items: count)) }
        Output.line(
            answer == "applied" ? "\(count) changes go on." : "\(count) changes are put back.")
    }
}
