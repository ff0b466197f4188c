import Accounts
import ArgumentParser
import Operations

extension AccountCommand {
    struct Plan: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an account a plan: its size is the quota, also when it changes.")

        @Argument(help: "The account.")
        var name: String

        @Argument(help: "The plan; see martlet plan list.")
        var plan: String

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let plan = try PlanName(parsing: plan)
            let (account, id) = try await place.account(named: name)
            try await place.plans().assign(plan, to: id)
            try AccountCommand.tell(
                "\(account) has the plan \(plan.text).", account: account.text, password: nil,
                isJSON: output.json)
        }
    }

    struct Pool: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say who shares an account's quota, let it share another's, or end that.",
            discussion: """
                Accounts that share a pool have one quota together, such as a family's plan; what \
                several of them have counts once. Nobody sees more of another's pictures than before.
                """)

        @Argument(help: "The account.")
        var name: String

        @Option(help: "Share this account's pool, with its plan or quota.")
        var with: String?

        @Flag(help: "Have a pool of its own again.")
        var alone = false

        @Option(help: "With --alone: how much it may keep, such as 50GB; without it: no limit.")
        var quota: String?

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard with == nil || !alone else {
                throw ValidationError("Say --with or --alone.")
            }
            guard quota == nil || alone else {
                throw ValidationError("--quota goes with --alone: a shared pool has its own.")
            }
        }

        func run() async throws {
            let byteCount = try AccountCommand.byteCount(quota)
            let (account, id) = try await place.account(named: name)
            let plans = try place.plans()
            if let with {
                try await plans.join(id, poolOf: try await place.account(named: with).id)
            }
            if alone { try await plans.leave(id, quotaByteCount: byteCount) }
            let names = try await plans.sharers(of: id)
            if output.json { return try Output.json(["accounts": names]) }
            Output.line(
                names.count == 1
                    ? "\(account) has a pool of its own."
                    : "One pool: \(names.joined(separator: ", ")).")
        }
    }
}
