import Agent
import ArgumentParser
import Library
import Records
import SyncEngine

struct PhotosSplitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split",
        abstract: "Take a wrong pair apart: a still and a video, or a JPEG and a RAW.")

    enum Part: String, ExpressibleByArgument {
        case video, raw

        var role: BlobRole { self == .video ? .pairedVideo : .alternate }
    }

    @Argument(help: "Paths, names or ids.")
    var items: [String]

    @Option(help: "Which part becomes a photo of its own: video or raw.")
    var part: Part?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let part = part
        try await DecisionCommand.run(items, "taken apart", output) {
            (decisions, items) throws(RowsError) in
            try decisions.split(items, role: part?.role)
        }
    }
}
