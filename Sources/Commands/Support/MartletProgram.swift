import ArgumentParser
import Wire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The program: `martlet serve` is the cloud, the other subcommands are a device.
package enum MartletProgram {
    package static func runAndExit() async -> Never {
        exit(await run(Array(CommandLine.arguments.dropFirst())))
    }

    /// Runs the command that `arguments` name, without the program's own name; returns its exit
    /// code.
    ///
    /// Prints one sentence for what went wrong.
    package static func run(_ arguments: [String]) async -> Int32 {
        do {
            var command = try MartletCommand.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return CommandStatus.inSync.rawValue
        } catch let code as ExitCode {
            return code.rawValue
        } catch {
            return report(error, asJSON: arguments.contains("--json"))
        }
    }

    private struct Problem: Encodable {
        let error: String
        let message: String
    }

    private static func report(_ error: any Error, asJSON: Bool) -> Int32 {
        if let complaint = Complaint(error) {
            if asJSON {
                try? Output.json(Problem(error: complaint.code, message: complaint.message))
            }
            Output.complain(complaint.message)
            return complaint.status.rawValue
        }
        let code = MartletCommand.exitCode(for: error)
        let text = MartletCommand.fullMessage(for: error)
        switch code {
        case .success:
            Output.raw(text + "\n")
        case .validationFailure:
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                Output.complain(String(line))
            }
        default:
            Output.complain("This is a bug in Martlet, please report it: \(error)")
            return CommandStatus.software.rawValue
        }
        return code.rawValue
    }
}

/// `martlet`.
struct MartletCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet",
        abstract: "A personal cloud that you run yourself.",
        discussion: "martlet serve is the cloud; the other commands are a device.",
        version: MartletVersion.text,
        subcommands: [
            ServeCommand.self, AccountCommand.self, PlanCommand.self, MaintenanceCommand.self,
            BackupCommand.self, ProveCommand.self, RestoreCommand.self, MigrateCommand.self,
            ManifestCommand.self, RecoverCommand.self, ScrubCommand.self, AlertsCommand.self,
            LoginCommand.self, LogoutCommand.self,
            SyncCommand.self, PauseCommand.self, ResumeCommand.self, ConfigCommand.self,
            StatusCommand.self, LibraryCommand.self, ServicesCommand.self, ServiceCommand.self,
            WhyCommand.self, DoctorCommand.self, StorageCommand.self, DevicesCommand.self,
            PhotosCommand.self,
            VersionCommand.self,
        ])
}
