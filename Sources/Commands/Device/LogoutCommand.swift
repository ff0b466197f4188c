import Agent
import ArgumentParser
import Library
import Records
import Status

struct LogoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout",
        abstract: "Sign this device out; the library's files stay as ordinary files.",
        discussion: """
            With --remove, files leave this device that the server has just proven to have read \
            back. Whatever it has not stays and is listed. Sources are never touched, and nothing \
            is deleted in the cloud.
            """)

    @Flag(help: "Keep all files (this is what happens without it, too).")
    var keep = false

    @Flag(help: "Take away the library's files that the server has receipts for.")
    var remove = false

    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let signedOut: Bool
        let serverTold: Bool
        let removed: Int?
        let kept: [KeptFile]?
    }

    func validate() throws {
        if keep, remove { throw ValidationError("--keep and --remove exclude each other.") }
    }

    func run() async throws {
        // Also when an earlier one was ended in the middle.
        let home = DeviceContext.home
        let library = try home.configuration().library
        let report = try await DeviceSignOut(home: home).run(removing: remove)
        let kept = report.removal?.kept.map { KeptFile($0, in: library) }
        if output.json {
            try Output.json(
                Result(
                    signedOut: true, serverTold: report.isTold,
                    removed: report.removal?.removedCount, kept: kept))
        } else {
            if let removal = report.removal {
                Output.line("Signed out.")
                RemovalText.show(removal, in: library)
            } else {
                Output.line("Signed out. Your files stay in \(library).")
            }
            if !report.isTold {
                Output.line(
                    "The server could not be told: remove the device there when it runs again.")
            }
        }
        if !(kept ?? []).isEmpty { throw ExitCode(CommandStatus.incomplete.rawValue) }
    }
}

/// A file that stays, as programs are told.
struct KeptFile: Encodable {
    let path: String
    /// A reason's code, or `onlyHere`.
    let why: String

    init(_ kept: LibraryRemoval.Kept, in library: String) {
        path = library + "/" + kept.path.text
        why = kept.why
    }
}

/// What left and what stays, as people are told.
enum RemovalText {
    private static let shownMax = 20

    static func show(_ removal: LibraryRemoval, in library: String) {
        Output.line(
            "\(files(removal.removedCount)) left this device, "
                + "\(EvidenceText.bytes(removal.removedByteCount)); the server has proven that it "
                + "has them.")
        guard !removal.kept.isEmpty else { return }
        let byteCount = removal.kept.reduce(0) { $0 + $1.byteCount }
        Output.line(
            "\(files(removal.kept.count)), \(EvidenceText.bytes(byteCount)), stay in \(library), "
                + "because the server has no proof of them:")
        list(removal.kept)
    }

    static func list(_ kept: [LibraryRemoval.Kept]) {
        for file in kept.prefix(shownMax) {
            Output.line("  \(file.path.text) (\(words(for: file.why)))")
        }
        let more = kept.count - shownMax
        if more > 0 { Output.line("  and \(more) more; --json lists all") }
    }

    private static func files(_ count: Int) -> String { count == 1 ? "1 file" : "\(count) files" }

    private static func words(for why: String) -> String {
        switch why {
        case ItemState.onlyHere.rawValue: "only on this device"
        case ReasonCode.receiptPending.rawValue: "the server has not proven all of its parts"
        case ReasonCode.unreadableFile.rawValue: "it cannot be read"
        case ReasonCode.stillChanging.rawValue: "it was not read yet"
        case ReasonCode.notAPhoto.rawValue: "no photo"
        case ReasonCode.emptyFile.rawValue: "empty"
        case ReasonCode.recentlyDeleted.rawValue: "deleted or replaced elsewhere"
        case ReasonCode.deletedBefore.rawValue: "deleted before"
        case ReasonCode.suspiciousChange.rawValue: "a suspicious change"
        default: "not included"
        }
    }
}
