import ArgumentParser
import Examinations
import Operations
import Records
import Status
import Storage
import WebServer

/// `martlet doctor --server`: looks at a server from beside it, running or not, and mends its database
/// while it does not run.
struct ServerDoctor {
    let place: ServerPlaceOptions
    let isDeep: Bool
    let fixes: Bool
    let isYes: Bool
    let output: OutputOptions

    func run() async throws {
        let folder = DataFolder(
            path: try place.existingFolder(), database: try place.databasePlace())
        if fixes { try folder.endInterruptedMending() }
        var report = try await examine(folder, isDeep: isDeep)
        var treatments = Remedies.plan(report).map { Treatment(step: $0, outcome: nil) }
        if fixes, !treatments.isEmpty {
            if !output.json { DoctorText.lines(report, []).forEach(Output.line) }
            for index in treatments.indices {
                treatments[index].outcome = try await treat(treatments[index].step, folder)
                if !output.json { DoctorText.lines(treatments[index]).forEach(Output.line) }
            }
            if !output.json { ["", "After that:"].forEach(Output.line) }
            // Every byte was just read.
            report = try await examine(folder, isDeep: false)
        }
        if output.json {
            try Output.json(DoctorJSON(report, treatments))
        } else {
            let isAfter = fixes && !treatments.isEmpty
            DoctorText.lines(
                report, fixes ? [] : treatments, brief: isAfter, command: "doctor --server --fix"
            ).forEach(Output.line)
        }
        if !report.complaints.isEmpty { throw ExitCode(CommandStatus.incomplete.rawValue) }
    }

    private func examine(_ folder: DataFolder, isDeep: Bool) async throws -> DoctorReport {
        await ServerExaminations.run(
            folder.examined(blobs: try place.blobsPlace(), isDeep: isDeep, progress: progress))
    }

    private func treat(_ step: RemedyStep, _ folder: DataFolder) async throws -> RemedyOutcome? {
        guard isYes || DoctorCommand.Examine.isAllowed(step, output) else { return nil }
        do {
            return .done(Self.sentence(try await folder.mend(blobs: try place.blobsPlace())))
        } catch let error as MendingError {
            return .refused(error.message)
        } catch let error as ServerError {
            return .refused(error.message)
        } catch let error as StorageError {
            return .refused(error.message)
        }
    }

    private static func sentence(_ report: ServerMending.Report) -> String {
        var sentences = [
            "\(EvidenceText.items(report.rowCount)) were taken over, and one bit was put right in "
                + "\(report.correctedCount) of them."
        ]
        for (table, count) in report.lost.sorted(by: { $0.key < $1.key }) {
            sentences.append(
                "Of \(table) \(count == 0 ? "some rows" : EvidenceText.items(count)) are lost"
                    + "\(remedy(table)).")
        }
        for (table, count) in report.unproven.sorted(by: { $0.key < $1.key }) {
            sentences.append(
                "Of \(table) \(EvidenceText.items(count)) were taken over without their sums.")
        }
        sentences.append(
            "Epoch \(report.epoch.rawValue) begins: devices compare, and send what is lacking. The "
                + "damaged database is in \(report.aside).")
        return sentences.joined(separator: " ")
    }

    /// What brings such rows back.
    private static func remedy(_ table: String) -> String {
        switch table {
        case "record": ": devices that have them send them again"
        case "device": ": such devices sign in again"
        case "appPassword": ": make them anew with martlet account app-password"
        case "deniedService": ": look at martlet account services"
        case "storagePlan", "poolPlan": ": look at martlet plan list"
        default: ""
        }
    }

    private struct Undone: Encodable {
        let aside: String
    }

    static func undo(_ place: ServerPlaceOptions, _ output: OutputOptions) throws {
        let folder = DataFolder(
            path: try place.existingFolder(), database: try place.databasePlace())
        let aside: String
        do { aside = try folder.undoMending() } catch let error as MendingError {
            throw Complaint(.incomplete, error.code.rawValue, error.message)
        }
        if output.json { return try Output.json(Undone(aside: aside)) }
        Output.line(
            "The database that the latest repair moved aside is back; the other one is in \(aside)."
        )
    }

    private var progress: @Sendable (Int64, Int64) -> Void {
        guard Output.isTerminal, !output.json else { return { _, _ in } }
        return { done, all in
            Output.raw(
                "\r\u{1B}[K\(EvidenceText.bytes(done)) of \(EvidenceText.bytes(all)) read again"
                    + (done >= all ? "\n" : ""))
        }
    }
}
