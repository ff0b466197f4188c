import Agent
import ArgumentParser
import Examinations
import Records
import Status
import SyncEngine
import Wire

struct StorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage",
        abstract: "Say what fills this device and the account, and what can leave safely.",
        subcommands: [Show.self, Ask.self, Withdraw.self], defaultSubcommand: Show.self)

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what fills this device and the account, and what can leave safely.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let report = try await StorageReport.make(
                Question(home: try DeviceContext.signedIn()))
            if output.json { return try Output.json(StorageJSON(report)) }
            StorageText.lines(report).forEach(Output.line)
        }
    }

    struct Ask: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask who runs the server for a plan; martlet storage says the answer.")

        @Argument(help: "The plan; martlet storage lists them.")
        var plan: String

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let request = try await StorageCommand.call { (client) throws(RequestFailure) in
                do throws(RequestFailure) {
                    return try await client.ask(forPlan: plan)
                } catch {
                    guard error == .notFound else { throw error }
                    throw .refused(
                        code: "planNotFound",
                        message: "There is no plan “\(plan)”: martlet storage lists them.")
                }
            }
            if output.json { return try Output.json(request) }
            Output.line("Asked for \(request.plan): martlet storage says the answer.")
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take back what was asked for and is not answered yet.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await StorageCommand.call { (client) throws(RequestFailure) in
                try await client.withdrawPlanRequest()
            }
            if output.json { return try Output.json(["withdrawn": true]) }
            Output.line("Nothing is asked for any more.")
        }
    }

    private static func call<Value: Sendable>(
        _ body: (ServerClient) async throws(RequestFailure) -> Value
    ) async throws -> Value {
        let client = try DeviceContext.client(try DeviceContext.signedIn())
        let result = await Result(of: { () async throws(RequestFailure) in
            try await body(client)
        })
        await client.shutdown()
        do throws(RequestFailure) {
            return try result.get()
        } catch {
            throw AgentError(error)
        }
    }
}

/// `martlet storage --json`: every key is always there; what isn't known is null.
struct StorageJSON: Encodable {
    let report: StorageReport

    init(_ report: StorageReport) { self.report = report }

    private enum CodingKeys: String, CodingKey {
        case library, freeBytes, reserveBytes, optimizes, parts, canLeave, largest, account
        case bytesToDownload, bytesToUpload
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(report.library, forKey: .library)
        try container.encode(report.freeBytes, forKey: .freeBytes)
        try container.encode(report.reserveBytes, forKey: .reserveBytes)
        try container.encode(report.optimizes, forKey: .optimizes)
        try container.encode(report.parts, forKey: .parts)
        try container.encode(report.leaving, forKey: .canLeave)
        try container.encode(report.largest, forKey: .largest)
        try container.encode(report.account.map(AccountStorageJSON.init), forKey: .account)
        try container.encode(report.bytesToDownload, forKey: .bytesToDownload)
        try container.encode(report.bytesToUpload, forKey: .bytesToUpload)
    }
}

/// The same as people read it.
enum StorageText {
    static func lines(_ report: StorageReport) -> [String] {
        let free = report.freeBytes.map(EvidenceText.bytes) ?? "unknown"
        var lines = ["\(report.library): \(free) free"]
        for part in report.parts where part.files > 0 {
            lines.append(
                "  \(EvidenceText.bytes(part.bytes))  \(title(part.name)) (\(part.files) files)")
        }
        if !report.largest.isEmpty { lines.append("Largest:") }
        for file in report.largest {
            lines.append("  \(EvidenceText.bytes(file.bytes))  \(file.path)")
        }
        lines += leaving(report)
        if report.bytesToDownload > 0 {
            lines.append("To come: \(EvidenceText.bytes(report.bytesToDownload))")
        }
        if report.bytesToUpload > 0 {
            lines.append("To be sent: \(EvidenceText.bytes(report.bytesToUpload))")
        }
        guard let account = report.account else {
            return lines + ["Account: the server could not be asked."]
        }
        return lines + AccountStorageText.lines(account)
    }

    private static func leaving(_ report: StorageReport) -> [String] {
        let leaving = report.leaving
        let all = leaving.bytes + leaving.unprovenBytes
        guard all > 0 else { return ["Nothing can leave this device."] }
        let proven = EvidenceText.bytes(leaving.bytes)
        let how =
            report.optimizes
            ? "Optimize Storage is on: they leave when space is needed."
            : "Switch on martlet photos optimize, or let single ones go with martlet photos evict."
        return [
            "Can leave safely: \(EvidenceText.bytes(all)) that the server has, \(proven) of it "
                + "proven already. \(how)"
        ]
    }

    private static func title(_ part: String) -> String {
        switch part {
        case "originals": "originals that the server has too"
        case "onlyHere": "files that are only here"
        case "previews": "previews"
        case "trash": "deleted elsewhere, kept until they are purged"
        case "unfinished": "files in the making"
        case "leaving": "originals on their way out"
        case "quarantine": "moved aside by repairs"
        case "databases": "this device's database"
        default: part
        }
    }
}
