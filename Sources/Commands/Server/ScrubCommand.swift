import ArgumentParser
import Operations
import Records
import Status
import Storage
import WebServer

struct ScrubCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scrub",
        abstract: "Read every stored byte of a server back now, and set aside what is damaged.",
        discussion: "A running server does it by itself each month. Devices are asked for what is "
            + "lost; nothing is removed.")

    @OptionGroup var place: ServerPlaceOptions
    @OptionGroup var output: OutputOptions

    private struct Lost: Encodable {
        let account: String
        let digest: String
        let bytes: Int64
        let name: String?
        let waitingFor: [String]
    }

    private struct Result: Encodable {
        let objects: Int
        let bytes: Int64
        let setAside: Int
        let wanted: Int
        let lost: [Lost]
        let doubt: String?
    }

    private static let lostMax = 1_000

    func run() async throws {
        let folder = DataFolder(
            path: try place.existingFolder(), database: try place.databasePlace())
        let blobs = try place.blobsPlace()
        let database = try folder.openAnyDatabase()
        try await blobs.checkKeys(in: database)
        let scrub = try folder.scrub(database, blobs: blobs)
        var line = ScrubLine(isQuiet: output.json)
        let doubt = try await scrub.runNow { line.show($0) }
        let kernel = DataFolder.kernel(.system)
        let (state, lost, wanted) = try await database.read { transaction in
            (
                try ScrubState.read(in: transaction),
                try LostBlobs.all(limit: Self.lostMax, kernel: kernel, in: transaction),
                try LostBlobs.count(in: transaction)
            )
        }
        if output.json {
            try Output.json(
                Result(
                    objects: state?.objectCount ?? 0, bytes: state?.byteCount ?? 0,
                    setAside: state?.lostCount ?? 0, wanted: wanted,
                    lost: lost.map {
                        Lost(
                            account: $0.account, digest: $0.digest.text, bytes: $0.byteCount,
                            name: $0.name, waitingFor: $0.waitingFor)
                    }, doubt: doubt))
        } else {
            show(state, lost)
        }
        if let doubt {
            throw Complaint(
                .incomplete, "scrubDoubtful", "Nothing was set aside for now: \(doubt).")
        }
        let damaged = try await scrub.damagedRows()
        guard damaged.count == 0 else {
            throw Complaint(
                .incomplete, "storedRowsDamaged",
                "\(EvidenceText.items(damaged.count)) of the database are not what was written there: "
                    + "run martlet doctor --server.")
        }
        guard wanted == 0 else {
            throw Complaint(
                .incomplete, "objectsWanted",
                "\(EvidenceText.items(wanted)) are lost on the server; it asks devices for them. "
                    + "martlet doctor --server says how far that is.")
        }
    }

    private func show(_ state: ScrubState?, _ lost: [LostBlob]) {
        if let state {
            Output.line(
                "\(EvidenceText.items(state.objectCount)) "
                    + "(\(EvidenceText.bytes(state.byteCount))) were read back; "
                    + "\(state.lostCount) of them were damaged or gone, and are set aside.")
        }
        for blob in lost.prefix(FindingTable.itemsMax) {
            let devices =
                blob.isGone
                ? "no device has it"
                : "asked: " + blob.waitingFor.joined(separator: ", ")
            Output.line("  \(blob.line): \(devices)")
        }
    }
}

/// A line every other second of how far a pass is.
private struct ScrubLine {
    let isQuiet: Bool
    private var last: ContinuousClock.Instant?

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    mutating func show(_ state: ScrubState) {
        let now = ContinuousClock().now
        let spacing = Duration.milliseconds(Limits.plainProgressMilliseconds)
        guard !isQuiet, last.map({ now - $0 >= spacing }) ?? true else { return }
        last = now
        Output.line(
            "\(EvidenceText.bytes(state.byteCount)) of "
                + "\(EvidenceText.bytes(state.totalByteCount)) read back")
    }
}
