import Agent
import ArgumentParser
import Operations
import Records
import Status
import Storage
import WebServer

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Move a whole server to another database, another store for its blobs, or both.",
        discussion: """
            A place is a folder and, behind it, postgres://… and s3://BUCKET[/PREFIX] where the \
            records and the blobs are not in the folder itself. Devices notice nothing but that the \
            server was away. Interrupted, it is run again.
            """)

    @Option(
        parsing: .upToNextOption,
        help: "Where the server is: FOLDER [postgres://…] [s3://BUCKET[/PREFIX]].")
    var from: [String]

    @Option(parsing: .upToNextOption, help: "Where it is to go, in the same way; nothing is there.")
    var to: [String] = []

    @Flag(help: "Only copy blobs, while the server runs, so that less is left for the move itself.")
    var ahead = false

    @Flag(help: "Go on without blobs that the server has lost; devices are asked for them.")
    var withoutMissing = false

    @Flag(help: "Give up a move that has not ended: the server stays where it is.")
    var cancel = false

    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let objects: Int
        let bytes: Int64
        let copied: Int
        let copiedBytes: Int64
        let rows: Int
        let missing: [String]
        let ended: Bool
    }

    func validate() throws {
        guard cancel == to.isEmpty, !(cancel && (ahead || withoutMissing)) else {
            throw ValidationError("Say --to PLACE, or --cancel alone.")
        }
        guard !(ahead && withoutMissing) else {
            throw ValidationError("--without-missing is for the move itself, not for --ahead.")
        }
    }

    func run() async throws {
        // Two stores at once may have two keys.
        let environment = DeviceContext.environment
        let others = environment.filter { $0.key.hasPrefix("FROM_AWS_") }
            .map { (String($0.key.dropFirst("FROM_".count)), $0.value) }
        let source = try Self.place(
            from, "--from", environment.merging(others) { $1 })
        if cancel { return try await giveUp(source) }
        let target = try Self.place(to, "--to", environment)
        var line = CopyingLine(isQuiet: output.json)
        let report: Move.Report
        do {
            report = try await ServerMove(from: source, to: target).run(
                ahead: ahead, allowsMissing: withoutMissing
            ) { line.show($0) }
        } catch let error as ServerError where error.code == .dataFolderInUse {
            throw Self.serverRuns(error.message)
        } catch let error as StorageError where error.code == .busy {
            throw Self.serverRuns(error.message)
        }
        try show(report, target)
    }

    private func giveUp(_ source: ServerPlace) async throws {
        let mark = try await ServerMove.cancel(from: source)
        if output.json { return try Output.json(["cancelled": mark.place]) }
        Output.line("The server stays in \(source.text): start it as before.")
        Output.line("What was copied to \(mark.place) is of no use and can be removed.")
    }

    private func show(_ report: Move.Report, _ target: ServerPlace) throws {
        if output.json {
            return try Output.json(
                Result(
                    objects: report.objectCount, bytes: report.objectByteCount,
                    copied: report.copiedCount, copiedBytes: report.copiedByteCount,
                    rows: report.rowCount, missing: report.missing.map(\.text), ended: !ahead))
        }
        if report.hadEnded {
            return Output.line("The server had moved already: it is in \(target.text).")
        }
        let size = EvidenceText.bytes(report.copiedByteCount)
        if ahead {
            Output.line(
                "\(report.copiedCount) objects (\(size)) were copied. Stop the server and run it "
                    + "again without --ahead: what is new goes then.")
            return
        }
        Output.line(
            "The server is in \(target.text): \(report.rowCount) rows and "
                + "\(report.objectCount) objects, compared one by one; \(report.copiedCount) "
                + "objects (\(size)) were copied now.")
        if report.missingCount > 0 {
            Output.line(
                "\(report.missingCount) objects were lost before: devices that have them send them "
                    + "again.")
        }
        Output.line("Start it there. What was before is as it was, and no server starts on it.")
    }

    private static func place(
        _ words: [String], _ option: String, _ environment: [String: String]
    ) throws -> ServerPlace {
        let absolute = words.enumerated().map { index, word in
            index == 0 && !word.contains("://") ? DeviceHome.absolute(word) : word
        }
        guard let place = try ServerPlace(parsing: absolute, environment: environment) else {
            // What was said may hold a password.
            throw Complaint(
                .usage, "invalidConfiguration",
                "\(option) takes a folder and, behind it, postgres://… and s3://BUCKET[/PREFIX].")
        }
        return place
    }

    private static func serverRuns(_ message: String) -> Complaint {
        Complaint(
            .tryAgain, "serverRuns",
            "A server still runs at one of the places: stop it, and run this again. (\(message))")
    }
}

extension CopyingLine {
    mutating func show(_ progress: Move.Progress) {
        switch progress {
        case .objects(let done, let count, let byteCount):
            show(done, of: count, "objects", byteCount)
        case .rows(let count): show("\(count) rows copied")
        case .compared(let count): show("\(count) rows compared")
        }
    }
}
