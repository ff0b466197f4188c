import Accounts
import ArgumentParser
import Operations
import Records
import Status

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "The sizes that the server of this machine offers, and who asks for one.",
        subcommands: [List.self, Set.self, Remove.self, Grant.self, Decline.self])

    static func size(_ byteCount: Int64?) -> String {
        byteCount.map(EvidenceText.bytes) ?? "no limit"
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the plans, who has them, and who waits for an answer.")

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        private struct Reply: Encodable {
            struct Line: Encodable {
                let name: String
                let bytes: Int64?
                /// The accounts of each pool that has it.
                let pools: [[String]]
            }

            struct Request: Encodable {
                let account: String
                let plan: String
                let askedAt: Timestamp
            }

            let plans: [Line]
            let requests: [Request]
        }

        func run() async throws {
            let plans = try place.plans()
            let reply = Reply(
                plans: try await plans.all().map {
                    Reply.Line(name: $0.plan.name, bytes: $0.plan.byteCount, pools: $0.pools)
                },
                requests: try await plans.requests().map {
                    Reply.Request(account: $0.account, plan: $0.plan, askedAt: $0.askedAt)
                })
            if output.json { return try Output.json(reply) }
            if reply.plans.isEmpty { Output.line("There are no plans.") }
            for plan in reply.plans {
                let pools = plan.pools.map { $0.joined(separator: " + ") }
                let users = pools.isEmpty ? "nobody has it" : pools.joined(separator: ", ")
                Output.line("\(plan.name) \(PlanCommand.size(plan.bytes)): \(users)")
            }
            for request in reply.requests {
                Output.line(
                    "\(request.account) asks for \(request.plan) since "
                        + "\(EvidenceText.time(request.askedAt)): martlet plan grant or decline")
            }
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a plan, or change its size for all who have it.")

        @Argument(help: "What it is called.")
        var name: String

        @Argument(help: "A size such as 50GB, or none.")
        var size: String

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let name = try PlanName(parsing: name)
            let byteCount = try AccountCommand.byteCount(size)
            try await place.plans().set(name, byteCount: byteCount)
            try PlanCommand.tell(
                "The plan \(name.text) is \(PlanCommand.size(byteCount)).", plan: name.text, output)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Offer a plan no longer; refused while an account has it.")

        @Argument(help: "The plan.")
        var name: String

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let name = try PlanName(parsing: name)
            try await place.plans().remove(name)
            try PlanCommand.tell("The plan \(name.text) is removed.", plan: name.text, output)
        }
    }

    struct Grant: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an account the plan that it asks for.")

        @OptionGroup var answer: Answer

        func run() async throws { try await answer.give(isGranted: true, as: "has") }
    }

    struct Decline: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse an account the plan that it asks for.")

        @OptionGroup var answer: Answer

        func run() async throws { try await answer.give(isGranted: false, as: "does not get") }
    }

    /// A yes or a no to what an account asks for.
    struct Answer: ParsableArguments {
        @Argument(help: "The account.")
        var account: String

        @Option(help: "What to say to it.")
        var message: String?

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        /// `verb` stands between the account and its plan.
        func give(isGranted: Bool, as verb: String) async throws {
            let (name, id) = try await place.account(named: account)
            let request = try await place.plans().answer(
                id, isGranted: isGranted, message: message)
            try PlanCommand.tell(
                "\(name) \(verb) the plan \(request.plan).", plan: request.plan, output)
        }
    }

    private static func tell(
        _ sentence: String, plan: String, _ output: OutputOptions
    ) throws {
        if output.json { return try Output.json(["plan": plan]) }
        Output.line(sentence)
    }
}
