import Agent
import ArgumentParser
import Records
import SyncEngine

struct PhotosImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Bring files or folders into the library, once; they are never changed.")

    @Argument(help: "Files and folders.")
    var paths: [String]

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard !paths.isEmpty else { throw ValidationError("Name what to import.") }
    }

    func run() async throws {
        let home = try DeviceContext.signedIn()
        var importing = try PhotoImport(home: home, now: Surroundings.machine().now().wall)
        let isLive = Output.isTerminal && !output.json
        let ledger = try importing.run(paths.map(DeviceHome.absolute)) { ledger in
            if isLive { Output.raw("\r\u{1B}[K\(ledger.lines.count) files looked at") }
        }
        if isLive { Output.raw("\r\u{1B}[K") }
        await DeviceContext.tellAgent(home)
        if output.json {
            try Output.json(ledger)
        } else {
            for line in ledger.lines where line.outcome != .imported {
                let word = Self.word(for: line.outcome)
                Output.line("\(word): \(line.path)\(line.reason.map { " (\($0))" } ?? "")")
            }
            Output.line(
                "\(ledger.count(.imported)) imported, \(ledger.count(.alreadyThere)) already there, "
                    + "\(ledger.count(.notIncluded)) not included, \(ledger.count(.failed)) failed")
        }
        if ledger.count(.failed) > 0 { throw ExitCode(CommandStatus.incomplete.rawValue) }
    }

    private static func word(for outcome: PhotoImport.Ledger.Line.Outcome) -> String {
        switch outcome {
        case .imported: "imported"
        case .alreadyThere: "already there"
        case .notIncluded: "not included"
        case .failed: "failed"
        }
    }
}
