import Accounts
import Kernel
import Records
import Storage
import Testing

@Suite struct DeviceTests {
    @Test func `the same device id again is the same device with a new token`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let first = try await world.signIn("anna", "correct horse")
        let second = try await world.signIn("anna", "correct horse")
        #expect(first.session == second.session)
        #expect(try await world.accounts.devices(of: first.session.actor.account).count == 1)
        await #expect(throws: AccountsError.self) {
            _ = try await world.accounts.authenticate(first.token)
        }
        _ = try await world.accounts.authenticate(second.token)
    }

    @Test func `two accounts with one device id have two devices`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        try await world.accounts.add(.of("berta"), password: Secret("battery staple"))
        let anna = try await world.signIn("anna", "correct horse")
        let berta = try await world.signIn("berta", "battery staple")
        #expect(anna.session.actor.device == berta.session.actor.device)
        try await world.accounts.signOut(berta.session.actor.device, by: berta.session.actor)
        _ = try await world.accounts.authenticate(anna.token)
        await #expect(throws: AccountsError.self) {
            _ = try await world.accounts.authenticate(berta.token)
        }
    }

    @Test func `another account's device id gives nothing`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        try await world.accounts.add(.of("berta"), password: Secret("battery staple"))
        let anna = try await world.signIn("anna", "correct horse", device: 1)
        let berta = try await world.signIn("berta", "battery staple", device: 2)
        let error = await #expect(throws: AccountsError.self) {
            try await world.accounts.signOut(
                anna.session.actor.device, by: berta.session.actor)
        }
        #expect(error?.code == .deviceNotFound)
        _ = try await world.accounts.authenticate(anna.token)
        let devices = try await world.accounts.devices(of: berta.session.actor.account)
        #expect(devices.map(\.id) == [berta.session.actor.device])
        await #expect(throws: AccountsError.self) {
            try await world.accounts.requireDevice(
                anna.session.actor.device, of: berta.session.actor.account)
        }
    }

    @Test func `a browser's session ends by itself, a device's does not`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let device = try await world.signIn("anna", "correct horse", device: 1)
        let browser = try await world.signIn(
            "anna", "correct horse", device: 2, isBrowser: true)
        world.wait(seconds: Int64(Limits.webSessionDays) * 86_400 - 1)
        _ = try await world.accounts.authenticate(browser.token)
        world.wait(seconds: 1)
        let error = await #expect(throws: AccountsError.self) {
            _ = try await world.accounts.authenticate(browser.token)
        }
        #expect(error?.code == .signInNeeded)
        _ = try await world.accounts.authenticate(device.token)
    }

    @Test func `of a browser that is forgotten nothing stays`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        for device: UInt64 in 1...3 {
            _ = try await world.signIn(
                "anna", "correct horse", device: device, isBrowser: device != 1)
        }
        world.wait(seconds: Int64(Limits.webSessionDays) * 86_400)
        _ = try await world.signIn("anna", "correct horse", device: 4)
        let (devices, sums, damaged) = try await world.database.read { transaction in
            (
                try transaction.all("SELECT id FROM device").count,
                try transaction.all("SELECT key FROM rowSum WHERE tableName = 'device'").count,
                try SummedTable.device.damaged(in: transaction)
            )
        }
        #expect(devices == 2)
        #expect(sums == 2)
        #expect(damaged.isEmpty)
    }

    @Test func `an account has a bounded number of devices`() async throws {
        let world = try await AccountsWorld()
        let id = try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let (session, _) = try await world.signIn("anna", "correct horse", device: 0)
        try await world.fillDevices(of: id, from: 1, to: Limits.devicesPerAccountMax)
        let error = await #expect(throws: AccountsError.self) {
            _ = try await world.signIn("anna", "correct horse", device: 9_999)
        }
        #expect(error?.code == .tooManyDevices)
        // One that is known already is no further one.
        _ = try await world.signIn("anna", "correct horse", device: 0)
        try await world.accounts.signOut(session.actor.device, by: session.actor)
        _ = try await world.signIn("anna", "correct horse", device: 9_999)
    }

    @Test func `when a device was last heard is kept by the minute`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let (session, token) = try await world.signIn("anna", "correct horse")
        let signedIn = try await world.accounts.devices(of: session.actor.account)[0].heardAt
        world.wait(seconds: Limits.lastHeardStepSeconds - 1)
        _ = try await world.accounts.authenticate(token)
        #expect(
            try await world.accounts.devices(of: session.actor.account)[0].heardAt == signedIn)
        world.wait(seconds: 1)
        _ = try await world.accounts.authenticate(token)
        #expect(
            try await world.accounts.devices(of: session.actor.account)[0].heardAt
                == signedIn.adding(seconds: Limits.lastHeardStepSeconds))
    }

    @Test func `a token of another form is no token`() {
        #expect(SessionToken(parsing: "") == nil)
        #expect(SessionToken(parsing: String(repeating: "a", count: 63)) == nil)
        #expect(SessionToken(parsing: String(repeating: "g", count: 64)) == nil)
    }
}
