import Agent
import ArgumentParser
import Records

struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service",
        abstract: "Let this device sync in the background, from login on.",
        discussion: """
            A systemd user service runs martlet sync and starts it again when it ends. Without \
            lingering it stops when you log out: loginctl enable-linger allows it to go on.
            """,
        subcommands: [Install.self, Uninstall.self])

    /// What `--json` prints.
    private struct Result: Encodable {
        let unit: String
        let isInstalled: Bool
        let isRunning: Bool
        let outlivesLogout: Bool
    }

    struct Install: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the service, start it now, and with each login.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let service = try UserService(home: home, environment: DeviceContext.environment)
            try service.write(program: try Self.program())
            let problem = service.start()
            let lingers = service.outlivesLogout
            if output.json {
                try Output.json(
                    Result(
                        unit: service.path, isInstalled: true, isRunning: problem == nil,
                        outlivesLogout: lingers))
            } else {
                Output.line("The service is written: \(service.path)")
                Output.line(problem ?? "It runs, and starts with each login.")
                if !lingers {
                    Output.line(
                        "It stops when \(service.user) logs out. To let it go on, and start with "
                            + "the machine: loginctl enable-linger \(service.user)")
                }
            }
            if problem != nil { throw ExitCode(CommandStatus.incomplete.rawValue) }
        }

        /// The program that runs now, by the path that outlives this process.
        private static func program() throws -> String {
            guard let path = UserService.runningProgram else {
                throw Complaint(
                    .incomplete, "programUnknown", "This program's own file cannot be found.")
            }
            return path
        }
    }

    struct Uninstall: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Stop the service and remove it; the device stays signed in.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let service = try UserService(
                home: DeviceContext.home, environment: DeviceContext.environment)
            let wasThere = try service.remove()
            if output.json {
                return try Output.json(
                    Result(
                        unit: service.path, isInstalled: false, isRunning: false,
                        outlivesLogout: service.outlivesLogout))
            }
            Output.line(wasThere ? "The service is removed." : "No service was installed.")
        }
    }
}
