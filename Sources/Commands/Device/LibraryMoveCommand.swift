import Agent
import ArgumentParser
import Library
import Records
import Status

struct LibraryMoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "move",
        abstract: "Move the library to another folder, on this disk or another one.",
        discussion: """
            Nothing is sent or fetched again. Onto another disk every file is copied and proven \
            before its original goes. After a crash or Ctrl-C the same command goes on.
            """)

    @Argument(help: "An empty folder, or one that is not there yet.")
    var folder: String

    @OptionGroup var output: OutputOptions

    private static let shownMax = 20

    private struct Result: Encodable {
        let from: String
        let to: String
        let how: String
        let files: Int
        let bytes: Int64
        let kept: [String]
        let withoutAttributes: [String]
    }

    func run() async throws {
        let home = try DeviceContext.signedIn()
        var move = LibraryMove(home: home)
        let isShown = Output.isTerminal && !output.json
        if isShown {
            move.progress = { Output.raw("\rCopied \(EvidenceText.bytes($0))\u{1B}[K") }
        }
        let report = try await move.run(to: DeviceHome.absolute(folder))
        if isShown, report.isCopied { Output.raw("\r\u{1B}[K") }
        let kept = report.kept.map { report.from + "/" + $0.text }
        let without = report.withoutAttributes.map { report.to + "/" + $0.text }
        if output.json {
            try Output.json(
                Result(
                    from: report.from, to: report.to, how: report.isCopied ? "copied" : "renamed",
                    files: report.fileCount, bytes: report.byteCount, kept: kept,
                    withoutAttributes: without))
        } else {
            Output.line("The library is at \(report.to) now.")
            if !without.isEmpty {
                Output.line(
                    "That disk did not take the extended attributes (tags, comments) of these; "
                        + "they are whole otherwise:")
                for path in without.prefix(Self.shownMax) { Output.line("  \(path)") }
                let more = without.count - Self.shownMax
                if more > 0 { Output.line("  and \(more) more; --json lists all") }
            }
            if !kept.isEmpty {
                Output.line("These files changed at the last moment and stay where they were:")
                for path in kept { Output.line("  \(path)") }
            }
        }
        if !kept.isEmpty { throw ExitCode(CommandStatus.incomplete.rawValue) }
    }
}
