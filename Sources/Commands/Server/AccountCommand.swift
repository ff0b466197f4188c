import Accounts
import ArgumentParser
import Operations
import Records
import Status

struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account",
        abstract: "The accounts of the server in a folder of this machine.",
        subcommands: [
            Add.self, List.self, Passwd.self, Quota.self, Plan.self, Pool.self, Services.self,
            AppPassword.self, Disable.self, Remove.self,
        ])

    /// A password that was made is printed alone on the last line, for scripts.
    static func tell(
        _ sentence: String, account: String, password: Secret<String>?, isJSON: Bool
    ) throws {
        if isJSON {
            var reply = ["account": account]
            reply["password"] = password?.reveal()
            return try Output.json(reply)
        }
        Output.line(sentence)
        if let password { Output.line(password.reveal()) }
    }

    static func byteCount(_ text: String?) throws -> Int64? {
        guard let text, text != "none" else { return nil }
        guard let size = ByteSize.parse(text) else {
            throw Complaint(
                .usage, "invalidConfiguration",
                "“\(text)” is no size: use one like 50GB, or none.")
        }
        return size
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make an account.")

        @Argument(help: "The name to sign in with.")
        var name: String

        @Option(help: "How much it may keep, such as 50GB.")
        var quota: String?

        @Flag(help: "Make a password and print it, alone on the last line.")
        var generate = false

        @OptionGroup var password: PasswordOptions
        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let account = try AccountName(parsing: name)
            let quota = try AccountCommand.byteCount(quota)
            let given = generate ? nil : Secret(try PasswordInput.readNew(password))
            let accounts = try await place.accounts(creating: true)
            var made: Secret<String>?
            if let given {
                try await accounts.add(account, password: given, quotaByteCount: quota)
            } else {
                made = try await accounts.addGenerated(account, quotaByteCount: quota)
            }
            try AccountCommand.tell(
                "The account \(account) is there.", account: account.text, password: made,
                isJSON: output.json)
        }
    }

    struct Passwd: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set an account's password; its devices must sign in again.")

        @Argument(help: "The account.")
        var name: String

        @Flag(help: "Make a password and print it, alone on the last line.")
        var generate = false

        @OptionGroup var password: PasswordOptions
        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let account = try AccountName(parsing: name)
            let given = generate ? nil : Secret(try PasswordInput.readNew(password))
            let accounts = try await place.accounts()
            let secret = given ?? accounts.generatePassword()
            try await accounts.setPassword(account, to: secret)
            try AccountCommand.tell(
                "The password of \(account) is set; its devices must sign in again.",
                account: account.text, password: generate ? secret : nil, isJSON: output.json)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the accounts.")

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        private struct Line: Encodable {
            let name: String
            let disabled: Bool
            let devices: Int
            let usedBytes: Int64
            let quotaBytes: Int64?
        }

        func run() async throws {
            let accounts = try await place.accounts().list()
            if output.json {
                return try Output.json(
                    accounts.map {
                        Line(
                            name: $0.name, disabled: $0.isDisabled, devices: $0.deviceCount,
                            usedBytes: $0.usedByteCount, quotaBytes: $0.quotaByteCount)
                    })
            }
            for account in accounts {
                let used = EvidenceText.bytes(account.usedByteCount)
                let quota = account.quotaByteCount.map { " of \(EvidenceText.bytes($0))" } ?? ""
                let devices =
                    account.deviceCount == 1 ? "1 device" : "\(account.deviceCount) devices"
                Output.line(
                    "\(account.name) \(used)\(quota), \(devices)"
                        + (account.isDisabled ? ", disabled" : ""))
            }
        }
    }

    struct Quota: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set how much an account may keep.")

        @Argument(help: "The account.")
        var name: String

        @Argument(help: "A size such as 50GB, or none.")
        var size: String

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let byteCount = try AccountCommand.byteCount(size)
            let (account, id) = try await place.account(named: name)
            try await place.plans().setQuota(byteCount, of: id)
            try AccountCommand.tell(
                "The quota of \(account) is \(size).", account: account.text, password: nil,
                isJSON: output.json)
        }
    }

    struct AppPassword: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "app-password",
            abstract: "Make one more password, for one program; printed alone on the last line.")

        @Argument(help: "The account.")
        var name: String

        @Option(help: "What it is for.")
        var label: String

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let account = try AccountName(parsing: name)
            let password = try await place.accounts().addAppPassword(
                account, label: try DeviceName(parsing: label))
            try AccountCommand.tell(
                "The password for \(label) is shown only this once:", account: account.text,
                password: password, isJSON: output.json)
        }
    }

    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let nobody in any more; everything is kept.")

        @Argument(help: "The account.")
        var name: String

        @Flag(help: "Let people in again.")
        var undo = false

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let account = try AccountName(parsing: name)
            try await place.accounts().setDisabled(account, to: !undo)
            try AccountCommand.tell(
                "The account \(account) is \(undo ? "enabled" : "disabled").",
                account: account.text, password: nil, isJSON: output.json)
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove an account with everything it has.")

        @Argument(help: "The account.")
        var name: String

        @Flag(help: "Don't ask on a terminal: nothing of it can be had back.")
        var yes = false

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            let account = try AccountName(parsing: name)
            guard
                yes
                    || Confirmation.isGiven(
                        "This removes everything that \(account) has on the server, for good.",
                        word: account.text)
            else { throw Complaint(.usage, "notConfirmed", "Nothing was removed.") }
            try await place.accounts().remove(account)
            try AccountCommand.tell(
                "The account \(account) is removed.", account: account.text, password: nil,
                isJSON: output.json)
        }
    }
}
