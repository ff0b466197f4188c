import ArgumentParser
import Records
import Wire

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version of Martlet and of its protocol.")

    @OptionGroup var output: OutputOptions

    private struct Version: Encodable {
        let version: String
        let `protocol`: Int
    }

    func run() throws {
        if output.json {
            return try Output.json(
                Version(version: MartletVersion.text, protocol: WireProtocol.current))
        }
        Output.line("martlet \(MartletVersion.text), protocol \(WireProtocol.current)")
    }
}
