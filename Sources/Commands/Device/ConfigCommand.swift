import Agent
import ArgumentParser
import SyncEngine

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Show or set what is allowed on metered networks, on battery, and when.",
        discussion: PolicyKey.allCases.map {
            "\($0.rawValue): \($0.meaning) \($0.values)."
        }.joined(separator: "\n"))

    @Argument(help: "What to show or set; all without it.")
    var key: String?

    @Argument(help: "What it is to be.")
    var value: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home = DeviceContext.home
        let file = PolicyFile(home)
        guard let key else { return try show(PolicyKey.allCases, try file.policies()) }
        guard let known = PolicyKey(rawValue: key) else {
            let keys = PolicyKey.allCases.map(\.rawValue).joined(separator: ", ")
            throw Complaint(.usage, "unknownKey", "“\(key)” is none of: \(keys).")
        }
        if let value {
            try home.make()
            try file.set(known, to: value)
            _ = await ControlClient(home).ask(.policiesChanged)
        }
        try show([known], try file.policies())
    }

    private func show(_ keys: [PolicyKey], _ policies: Policies) throws {
        if output.json {
            let pairs = keys.map { ($0.rawValue, $0.text(of: policies)) }
            return try Output.json(Dictionary(uniqueKeysWithValues: pairs))
        }
        for key in keys { Output.line("\(key.rawValue) = \(key.text(of: policies))") }
    }
}
