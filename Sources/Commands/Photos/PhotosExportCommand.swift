import Agent
import ArgumentParser
import Records
import Status

struct PhotosExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write every original into a folder, as YYYY/MM/NAME; nothing is overwritten.")

    @Argument(help: "The folder; it is made when it is not there.")
    var folder: String

    @OptionGroup var output: OutputOptions

    private struct Report: Encodable {
        let written: Int
        let alreadyThere: Int
        let failed: [PhotoExport.Failure]
    }

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let export = try PhotoExport(home: home, to: DeviceHome.absolute(folder))
        let isLive = Output.isTerminal && !output.json
        let ledger = try await export.run { ledger in
            guard isLive else { return }
            Output.raw(
                "\r\u{1B}[K\(ledger.written) written, \(EvidenceText.bytes(ledger.byteCount))")
        }
        if isLive { Output.raw("\r\u{1B}[K") }
        if output.json {
            try Output.json(
                Report(
                    written: ledger.written, alreadyThere: ledger.alreadyThere,
                    failed: ledger.failed))
        } else {
            for failure in ledger.failed {
                Output.line("failed: \(failure.name): \(failure.reason)")
            }
            Output.line(
                "\(ledger.written) written, \(ledger.alreadyThere) there already, "
                    + "\(ledger.failed.count) failed")
        }
        if !ledger.failed.isEmpty { throw ExitCode(CommandStatus.incomplete.rawValue) }
    }
}
