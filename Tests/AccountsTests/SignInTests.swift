import Kernel
import Accounts
import Records
import Storage
import Testing

@Suite struct SignInTests {
    @Test func `the right password opens a session that the token proves`() async throws {
        let world = try await AccountsWorld()
        let id = try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let (session, token) = try await world.signIn("Anna", "correct horse")
        #expect(session.actor.account == id)
        #expect(try await world.accounts.authenticate(token) == session)
        #expect(token.reveal().count == 64)
    }

    @Test func `a wrong password and an unknown account look alike`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        var messages: [String] = []
        for (name, password) in [
            ("anna", "wrong horse"), ("nobody", "correct horse"), ("anna\n", "correct horse"),
            ("", "x"), ("anna", String(repeating: "x", count: Limits.passwordByteCountMax + 1)),
        ] {
            let error = await #expect(throws: AccountsError.self) {
                _ = try await world.signIn(name, password)
            }
            #expect(error?.code == .signInFailed)
            messages.append(error?.message ?? "")
        }
        #expect(Set(messages).count == 1)
    }

    @Test func `an unknown account takes as long as a wrong password`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let clock = ContinuousClock()
        let known = await clock.measure { _ = try? await world.signIn("anna", "wrong horse") }
        let unknown = await clock.measure { _ = try? await world.signIn("nobody", "wrong horse") }
        #expect(unknown > known / 4)
        #expect(known > unknown / 4)
    }

    @Test func `ten failures close the door for an account from everywhere`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        for number in 0..<Limits.signInFailuresPerWindowMax {
            let error = await #expect(throws: AccountsError.self) {
                _ = try await world.signIn("anna", "wrong", address: "192.0.2.\(number)")
            }
            #expect(error?.code == .signInFailed)
        }
        let error = await #expect(throws: AccountsError.self) {
            _ = try await world.signIn("anna", "correct horse", address: "192.0.2.99")
        }
        #expect(error?.code == .tooManySignIns)
        #expect(error?.retryAfterSeconds == Limits.signInWindowSeconds)
        world.wait(seconds: Limits.signInWindowSeconds)
        _ = try await world.signIn("anna", "correct horse")
    }

    @Test func `ten failures close the door for an address, whatever the account`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        for number in 0..<Limits.signInFailuresPerWindowMax {
            _ = try? await world.signIn("guess\(number)", "wrong")
        }
        let error = await #expect(throws: AccountsError.self) {
            _ = try await world.signIn("anna", "correct horse")
        }
        #expect(error?.code == .tooManySignIns)
        _ = try await world.signIn("anna", "correct horse", address: "198.51.100.7")
    }

    @Test func `who was sent away because too many signed in has not failed`() async throws {
        let world = try await AccountsWorld()
        let count = Limits.passwordHashesWaitingMax + 20
        let busyCount = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<count {
                group.addTask {
                    do {
                        _ = try await world.signIn(
                            "guess\(number)", "wrong", address: "192.0.2.\(number)")
                        return false
                    } catch {
                        return (error as? AccountsError)?.code == .signInsBusy
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(busyCount > 0)
        let counted = try await world.database.read { transaction in
            try transaction.firstRow("SELECT COUNT(DISTINCT subject) FROM signInAttempt")?.int(0)
        }
        // By account and by address.
        #expect(counted == 2 * (count - busyCount))
    }

    @Test func `attempts at the same time count before their passwords are checked`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let codes = await withTaskGroup(of: AccountsError.Code?.self) { group in
            for _ in 0..<Limits.signInFailuresPerWindowMax + 3 {
                group.addTask {
                    do {
                        _ = try await world.signIn("anna", "wrong")
                        return nil
                    } catch {
                        return (error as? AccountsError)?.code
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.count { $0 == .signInFailed } == Limits.signInFailuresPerWindowMax)
        #expect(codes.count { $0 == .tooManySignIns } == 3)
    }

    @Test func `right passwords are never too many`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        for number in 0..<Limits.signInFailuresPerWindowMax + 2 {
            _ = try await world.signIn("anna", "correct horse", device: UInt64(number))
        }
    }

    @Test func `an app password signs in until it is taken back`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let label = try DeviceName(parsing: "calendar")
        let password = try await world.accounts.addAppPassword(.of("anna"), label: label)
        let (_, token) = try await world.signIn("anna", password.reveal().uppercased())
        _ = try await world.accounts.authenticate(token)
        try await world.accounts.removeAppPassword(.of("anna"), label: label)
        await #expect(throws: AccountsError.self) {
            _ = try await world.accounts.authenticate(token)
        }
        await #expect(throws: AccountsError.self) {
            _ = try await world.signIn("anna", password.reveal())
        }
    }

    @Test func `a label names one app password only`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let label = try DeviceName(parsing: "calendar")
        _ = try await world.accounts.addAppPassword(.of("anna"), label: label)
        let error = await #expect(throws: AccountsError.self) {
            _ = try await world.accounts.addAppPassword(.of("anna"), label: label)
        }
        #expect(error?.code == .labelExists)
    }

    @Test func `a disabled account says so only to who knows its password`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let (_, token) = try await world.signIn("anna", "correct horse")
        try await world.accounts.setDisabled(.of("anna"), to: true)
        await #expect(throws: AccountsError.self) {
            _ = try await world.accounts.authenticate(token)
        }
        let right = await #expect(throws: AccountsError.self) {
            _ = try await world.signIn("anna", "correct horse")
        }
        #expect(right?.code == .accountDisabled)
        let wrong = await #expect(throws: AccountsError.self) {
            _ = try await world.signIn("anna", "wrong horse")
        }
        #expect(wrong?.code == .signInFailed)
        try await world.accounts.setDisabled(.of("anna"), to: false)
        _ = try await world.signIn("anna", "correct horse")
    }

    @Test func `a stored password is scrypt as RFC 7914 gives it`() async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        let stored = try await world.storedPassword(of: "anna")
        #expect(stored.hasPrefix("$scrypt$ln=14,r=8,p=5$"))
        // The third vector of section 12.
        try await world.setStoredPassword(
            of: "anna",
            to: "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf"
                + "046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw")
        _ = try await world.signIn("anna", "pleaseletmein")
        let error = await #expect(throws: AccountsError.self) {
            _ = try await world.signIn("anna", "pleaseletmeim")
        }
        #expect(error?.code == .signInFailed)
    }

    @Test(arguments: [
        "", "plain", "$scrypt$ln=14,r=8,p=5$AA$AA",
        "$scrypt$ln=40,r=8,p=5$c2FsdHNhbHQ$"
            + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ])
    func `a stored password of another form lets nobody in`(stored: String) async throws {
        let world = try await AccountsWorld()
        try await world.accounts.add(.of("anna"), password: Secret("correct horse"))
        try await world.setStoredPassword(of: "anna", to: stored)
        for password in ["correct horse", "", stored] {
            let error = await #expect(throws: AccountsError.self) {
                _ = try await world.signIn("anna", password)
            }
            #expect(error?.code == .signInFailed)
        }
    }
}
