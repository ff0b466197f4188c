import Accounts
import ArgumentParser
import Records
import Status

extension AccountCommand {
    struct Services: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which services an account has, or switch one on or off for it.",
            discussion: """
                What the account has in a service that is switched off is kept; its devices say why \
                they wait, and go on when it is switched on again.
                """)

        enum Switch: String, CaseIterable, ExpressibleByArgument {
            case on, off
        }

        private struct Line: Encodable {
            let service: String
            let on: Bool
            /// Since when it is off.
            let since: Timestamp?
        }

        @Argument(help: "The account.")
        var name: String

        @Argument(help: "The service, such as photos.")
        var service: String?

        @Argument(help: "on or off.")
        var to: Switch?

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (service == nil) == (to == nil) else {
                throw ValidationError("Say the service and on or off, such as: photos off.")
            }
        }

        func run() async throws {
            let account = try AccountName(parsing: name)
            let accounts = try await place.accounts()
            if let service, let to {
                try await accounts.setService(service, isAllowed: to == .on, for: account)
            }
            let denied = try await accounts.deniedServices(of: account)
            let lines = Accounts.services.map { service in
                let off = denied.first { $0.service == service }
                return Line(service: service, on: off == nil, since: off?.since)
            }
            if output.json { return try Output.json(lines) }
            for line in lines {
                let since = line.since.map { " since \(EvidenceText.time($0))" } ?? ""
                Output.line("\(line.service) is \(line.on ? "on" : "off")\(since)")
            }
        }
    }
}
