import ArgumentParser
import Operations
import Records
import Status
import WebServer

/// `martlet doctor --server`: looks at a server from beside it, running or not.
enum ServerDoctor {
    static func run(
        _ place: ServerPlaceOptions, isDeep: Bool, _ output: OutputOptions
    ) async throws {
        let folder = DataFolder(
            path: try place.existingFolder(), database: try place.databasePlace())
        let server = folder.examined(
            blobs: try place.blobsPlace(), isDeep: isDeep, progress: progress(output))
        let report = await ServerExaminations.run(server)
        if output.json {
            try Output.json(DoctorJSON(report, []))
        } else {
            DoctorText.lines(report, []).forEach(Output.line)
        }
        if !report.complaints.isEmpty { throw ExitCode(CommandStatus.incomplete.rawValue) }
    }

    private static func progress(
        _ output: OutputOptions
    ) -> @Sendable (Int64, Int64) -> Void {
        guard Output.isTerminal, !output.json else { return { _, _ in } }
        return { done, all in
            Output.raw(
                "\r\u{1B}[K\(EvidenceText.bytes(done)) of \(EvidenceText.bytes(all)) read again"
                    + (done >= all ? "\n" : ""))
        }
    }
}
