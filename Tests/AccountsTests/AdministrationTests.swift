import Accounts
import Records
import Testing

@Suite struct AdministrationTests {
    @Test func `accounts are listed by name with what they use`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(
            .of("berta"), password: Secret("correct horse"), quotaByteCount: 50_000)
        try await world.accounts.add(.of("Anna"), password: Secret("correct horse"))
        _ = try await world.signIn("anna", "correct horse")
        let list = try await world.accounts.list()
        #expect(list.map(\.name) == ["Anna", "berta"])
        #expect(list.map(\.quotaByteCount) == [nil, 50_000])
        #expect(list.map(\.deviceCount) == [1, 0])
        #expect(try await world.accounts.find(.of("BERTA")) == list.last?.id)
        await #expect(throws: AccountsError.self) {
            try await world.accounts.find(.of("carla"))
        }
    }

    @Test func `a service that is switched off is said in every session until it is on`()
        async throws
    {
        let world = try await AccountsWorld()
        let (anna, berta) = (try AccountName.of("anna"), try AccountName.of("berta"))
        for name in [anna, berta] {
            try await world.accounts.add(name, password: Secret("correct horse"))
        }
        let token = try await world.signIn("anna", "correct horse").token
        let other = try await world.signIn("berta", "correct horse", device: 2).token
        #expect(try await world.accounts.authenticate(token).deniedServices.isEmpty)
        try await world.accounts.setService("photos", isAllowed: false, for: anna)
        let denied = try await world.accounts.authenticate(token).deniedServices
        #expect(denied.map(\.service) == ["photos"])
        world.wait(seconds: 60)
        // Again is the same: it says since when.
        try await world.accounts.setService("photos", isAllowed: false, for: anna)
        #expect(try await world.accounts.deniedServices(of: anna) == denied)
        #expect(try await world.accounts.authenticate(other).deniedServices.isEmpty)
        try await world.accounts.setService("photos", isAllowed: true, for: anna)
        #expect(try await world.accounts.authenticate(token).deniedServices.isEmpty)
        let error = await #expect(throws: AccountsError.self) {
            try await world.accounts.setService("account", isAllowed: false, for: anna)
        }
        #expect(error?.code == .serviceNotFound)
    }

    @Test(arguments: ["anna", "ANNA", "Anna"])
    func `names that differ only in case are one`(name: String) async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let error = await #expect(throws: AccountsError.self) {
            try await world.accounts.add(.of(name), password: Secret("correct horse"))
        }
        #expect(error?.code == .accountExists)
    }

    @Test func `composed and decomposed letters are one name`() throws {
        #expect(try AccountName(parsing: "Zo\u{EB}") == AccountName(parsing: "zoe\u{308}"))
    }

    @Test(arguments: [
        "", " anna", "anna ", "an\nna", "an\u{0}na", "\u{202E}anna", "bad/name", "a:b",
        String(repeating: "a", count: Limits.accountNameByteCountMax + 1),
    ])
    func `a name that cannot be shown is refused`(name: String) {
        let error = #expect(throws: AccountsError.self) { try AccountName(parsing: name) }
        #expect(error?.code == .invalidName)
    }

    @Test func `a password is neither too short nor too long`() async throws {
        let world = try await AccountsWorld()
        for count in [Limits.passwordByteCountMin - 1, Limits.passwordByteCountMax + 1] {
            let error = await #expect(throws: AccountsError.self) {
                try await world.accounts.add(
                    .of("anna"), password: Secret(String(repeating: "x", count: count)))
            }
            #expect(error?.code == .invalidPassword)
        }
        #expect(try await world.accounts.list().isEmpty)
    }

    @Test func `what does not exist is named`() async throws {
        let world = try await AccountsWorld()
        let error = await #expect(throws: AccountsError.self) {
            try await world.accounts.setPassword(.of("nobody"), to: Secret("correct horse"))
        }
        #expect(error?.code == .accountNotFound)
        #expect(error?.message.contains("nobody") == true)
    }

    @Test func `a removed account is gone with its sessions`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let (_, token) = try await world.signIn("anna", "correct horse")
        try await world.accounts.remove(.of("anna"))
        await #expect(throws: AccountsError.self) {
            _ = try await world.accounts.authenticate(token)
        }
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
    }

    @Test func `a generated password is easy to copy and signs in`() async throws {
        let world = try await AccountsWorld()
        let password = try await world.accounts.addGenerated(.of("anna"))
        #expect(password.reveal().count == 29)
        #expect(password.reveal().split(separator: "-").map(\.count) == [5, 5, 5, 5, 5])
        _ = try await world.signIn("anna", password.reveal())
    }

    @Test func `a secret does not show itself`() {
        let secret = Secret("correct horse")
        #expect("\(secret)" == "<secret>")
        #expect(String(reflecting: secret) == "<secret>")
        var text = ""
        dump(secret, to: &text)
        #expect(!text.contains("horse"))
    }
}
