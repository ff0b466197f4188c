import Accounts
import Kernel
import Records
import Storage
import TestSupport
import Testing

@Suite struct RevocationTests {
    @Test func `a new password ends every session and the old password`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let first = try await world.signIn("anna", "correct horse", device: 1)
        let second = try await world.signIn("anna", "correct horse", device: 2)
        try await world.accounts.setPassword(.of("anna"), to: Secret("battery staple"))
        for token in [first.token, second.token] {
            await #expect(throws: AccountsError.self) {
                _ = try await world.accounts.authenticate(token)
            }
        }
        await #expect(throws: AccountsError.self) {
            _ = try await world.signIn("anna", "correct horse")
        }
        _ = try await world.signIn("anna", "battery staple")
    }

    @Test func `signing out twice is signing out once`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let (session, token) = try await world.signIn("anna", "correct horse")
        try await world.accounts.signOut(session.actor.device, by: session.actor)
        try await world.accounts.signOut(session.actor.device, by: session.actor)
        await #expect(throws: AccountsError.self) {
            _ = try await world.accounts.authenticate(token)
        }
    }

    @Test func `a restored database opens nothing that was closed since`() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("database.sqlite")
        let file = AppendFile(path: folder.file("revoked"))
        let clock = TestClock(milliseconds: 1_700_000_000_000)
        func open(_ path: String) throws -> (SQLiteDatabase, Accounts) {
            let database = try SQLiteDatabase(
                path: path,
                migrations: Kernel.migrations + AccountsSchema.migrations
                    + AccountsSchema.laterMigrations)
            let numbers = TestNumbers()
            return (
                database,
                Accounts(
                    database: database, kernel: Kernel(randomNumber: numbers.next),
                    revocations: Revocations(journal: file), now: clock.read,
                    randomBytes: numbers.bytes)
            )
        }
        let signIn = SignIn(
            account: "anna", password: Secret("correct horse"),
            device: DeviceID(high: 1, low: 1), deviceName: "laptop", isBrowser: false,
            address: "192.0.2.1")
        let (before, accounts) = try open(path)
        try await before.prepareServer()
        try await accounts.add(.of("anna"), password: Secret("correct horse"))
        try await accounts.add(.of("carla"), password: Secret("correct horse"))
        let (_, token) = try await accounts.signIn(signIn)
        try before.close()
        let backup = folder.file("backup.sqlite")
        try folder.copy("database.sqlite", to: "backup.sqlite")

        clock.advance(seconds: 60)
        let (live, later) = try open(path)
        try await later.setPassword(.of("anna"), to: Secret("battery staple"))
        try await later.remove(.of("carla"))
        try live.close()

        let (restored, after) = try open(backup)
        _ = try await after.authenticate(token)
        try await Revocations(journal: file).apply(to: restored)
        await #expect(throws: AccountsError.self) { _ = try await after.authenticate(token) }
        await #expect(throws: AccountsError.self) { _ = try await after.signIn(signIn) }
        #expect(try await after.list().map(\.name) == ["anna"])
        _ = try await after.signIn(
            SignIn(
                account: "anna", password: Secret("battery staple"),
                device: DeviceID(high: 1, low: 1), deviceName: "laptop", isBrowser: false,
                address: "192.0.2.1"))
        try restored.close()
    }

    @Test func `lines of a later version are left alone`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        try AppendFile(path: world.folder.file("revoked")).append("hologram 1 2 3\n\ntoken x")
        try await world.revocations.apply(to: world.database)
        _ = try await world.signIn("anna", "correct horse")
    }
}
