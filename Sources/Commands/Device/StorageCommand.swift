import Agent
import ArgumentParser
import Examinations
import Status

struct StorageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storage",
        abstract: "Say what fills this device and the account, and what can leave safely.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let report = try await StorageReport.make(Question(home: try DeviceContext.signedIn()))
        if output.json { return try Output.json(StorageJSON(report)) }
        StorageText.lines(report).forEach(Output.line)
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

    private struct AccountJSON: Encodable {
        let account: StorageReport.Account

        private enum CodingKeys: String, CodingKey { case usedBytes, quotaBytes }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(account.usedBytes, forKey: .usedBytes)
            try container.encode(account.quotaBytes, forKey: .quotaBytes)
        }
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
        try container.encode(report.account.map(AccountJSON.init), forKey: .account)
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
        let used = EvidenceText.bytes(account.usedBytes)
        guard let quota = account.quotaBytes else {
            return lines + ["Account: \(used) used, no limit"]
        }
        let left = EvidenceText.bytes(max(0, quota - account.usedBytes))
        return lines + ["Account: \(used) of \(EvidenceText.bytes(quota)) used, \(left) left"]
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
