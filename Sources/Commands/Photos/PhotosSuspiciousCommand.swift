import Agent
import ArgumentParser
import Library
import Records
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Files that changed as no person changes pictures (P5).
struct PhotosSuspiciousCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suspicious",
        abstract: "Files that shrank to nothing, or changed while their times did not.",
        subcommands: [List.self, KeepGood.self, Accept.self], defaultSubcommand: List.self)

    struct Item: Encodable {
        let path: String
        let byteCount: Int64
        let since: Int64
    }

    struct Result: Encodable {
        let answer: String
        let items: Int
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show them.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let files = try DeviceDatabase(home).read { (rows) throws(RowsError) in
                try HeldChanges.suspicious(rows)
            }
            let items = files.map {
                Item(
                    path: FileName.cleaned($0.place.path.bytes).text,
                    byteCount: $0.stamp.byteCount, since: $0.since.milliseconds)
            }
            try Output.list(items, output, empty: "Nothing is suspicious.") { [$0.path] }
        }
    }

    struct KeepGood: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "keep-good",
            abstract: "Move the changed file to the library's local trash; the good copy stays.")

        @Argument(help: "The file, as it is listed or by its path.")
        var item: String

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let shown = try DeviceDatabase(home).read { (rows) throws(RowsError) in
                try PhotosSuspiciousCommand.files(item, home, rows)
            }
            let files = try LocalTrash(home).take(reading: shown) { (rows) throws(RowsError) in
                let files = try PhotosSuspiciousCommand.files(item, home, rows)
                for file in files { try HeldChanges.refuse(file, rows) }
                return files
            }
            try PhotosSuspiciousCommand.require(files, item)
            try await PhotosSuspiciousCommand.say("keptGood", files.count, home, output)
        }
    }

    struct Accept: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take the change for an edit; the earlier bytes are kept as a revision.")

        @Argument(help: "The file, as it is listed or by its path.")
        var item: String

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let files = try DeviceDatabase(home).write { (rows) throws(RowsError) in
                let files = try PhotosSuspiciousCommand.files(item, home, rows)
                for file in files { try HeldChanges.accept(file, rows) }
                return files
            }
            try PhotosSuspiciousCommand.require(files, item)
            try await PhotosSuspiciousCommand.say("accepted", files.count, home, output)
        }
    }

    /// Those that `item` names: as listed, or by an absolute path.
    private static func files(
        _ item: String, _ home: DeviceHome, _ rows: DatabaseRows
    ) throws(RowsError) -> [LocalFile] {
        let path = DeviceHome.absolute(item)
        let roots = try rows.roots
        return try HeldChanges.suspicious(rows).filter { file in
            let name = FileName.cleaned(file.place.path.bytes).text
            let root = roots.first { $0.id == file.place.root }?.path ?? ""
            return name == item || root + "/" + name == path
        }
    }

    private static func require(_ files: [LocalFile], _ item: String) throws {
        guard files.isEmpty else { return }
        throw Complaint(
            .usage, "notSuspicious", "\(item) is not among martlet photos suspicious.")
    }

    private static func say(
        _ answer: String, _ count: Int, _ home: DeviceHome, _ output: OutputOptions
    ) async throws {
        await DeviceContext.tellAgent(home)
        if output.json { return try Output.json(Result(answer: answer, items: count)) }
        Output.line(
            answer == "accepted"
                ? "It is sent as an edit." : "It is in the library's local trash now.")
    }
}
