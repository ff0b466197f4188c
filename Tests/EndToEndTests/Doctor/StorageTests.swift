import Foundation
import TestSupport
import Testing

/// `martlet storage` counts what the disk holds.
@Suite(.serialized) struct StorageTests {
    private struct Shown: Decodable {
        struct Part: Decodable {
            let name: String
            let files: Int
            let bytes: Int64
        }
        struct Leaving: Decodable {
            let files: Int
            let bytes: Int64
            let unprovenFiles: Int
            let unprovenBytes: Int64
        }
        struct Account: Decodable {
            struct Request: Decodable {
                let plan: String
                let state: String
                let message: String?
            }
            struct Member: Decodable {
                let name: String
                let bytes: Int64
            }

            let usedBytes: Int64
            let quotaBytes: Int64?
            let warning: String?
            let plan: String?
            let request: Request?
            let members: [Member]
        }
        struct Large: Decodable {
            let path: String
            let bytes: Int64
        }

        let parts: [Part]
        let canLeave: Leaving
        let largest: [Large]
        let account: Account?
    }

    @Test(.timeLimit(.minutes(2)))
    func `every byte of the library is told, and what of it can leave`() throws {
        let world = try DoctorWorld()
        try world.house.setQuota("50MB")
        try world.write("not a picture", to: world.library + "/notes.txt")
        try world.write("left", to: world.library + "/.martlet/trash/0000-a")
        try world.house.martlet(world.device, "sync", "--once")
        func shown() throws -> Shown {
            let result = try world.house.martlet(world.device, "storage", "--json")
            #expect(result.status == 0, "\(result.errors)")
            return try JSONDecoder().decode(Shown.self, from: Data(result.output.utf8))
        }
        let sizes = try DoctorWorld.names.map { name in
            Int64(try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path(name))).count)
        }
        let before = try shown()
        func part(_ name: String) -> Shown.Part? { before.parts.first { $0.name == name } }
        #expect(part("originals")?.files == 6)
        #expect(part("originals")?.bytes == sizes.reduce(0, +))
        #expect(part("onlyHere")?.files == 1 && part("onlyHere")?.bytes == 13)
        #expect(part("trash")?.files == 1 && part("trash")?.bytes == 4)
        #expect(before.largest.first?.bytes == sizes.max() && before.largest.count == 7)
        #expect(before.canLeave.unprovenFiles == 6 && before.canLeave.files == 0)
        #expect(before.account?.usedBytes == sizes.reduce(0, +))
        #expect(before.account?.quotaBytes == 50_000_000)

        // A deep look asks for proof, and keeps it.
        _ = try world.house.doctor(world.device, "--deep")
        let after = try shown()
        #expect(after.canLeave.files == 6 && after.canLeave.unprovenFiles == 0)
        let text = try world.house.martlet(world.device, "storage")
        #expect(text.output.contains("Can leave safely:"))
    }

    @Test(.timeLimit(.minutes(3)))
    func `a member asks for a plan, and a full pool says whose it is`() throws {
        let house = try Household()
        try house.signIn("camera")
        func onServer(_ words: String...) throws -> String {
            let result = try house.onServer(words)
            #expect(result.status == 0, "\(words): \(result.errors)")
            return result.output
        }
        func account() throws -> Shown.Account? {
            let result = try house.martlet("camera", "storage", "--json")
            #expect(result.status == 0, "\(result.errors)")
            return try JSONDecoder().decode(Shown.self, from: Data(result.output.utf8)).account
        }
        _ = try onServer("account", "add", "bert", "--generate")
        _ = try onServer("plan", "set", "small", "170kB")
        _ = try onServer("plan", "set", "large", "1GB")
        _ = try onServer("account", "plan", "me", "small")
        #expect(try onServer("account", "pool", "bert", "--with", "me") == "One pool: bert, me.\n")
        func put(_ name: String) throws -> Program.Result {
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("gps/\(name)"),
                toPath: house.library("camera") + "/\(name)")
            return try house.martlet("camera", "sync", "--once")
        }
        // 161,713 bytes.
        #expect(try put("DSCN0010.jpg").status == 0)
        let full = try put("DSCN0012.jpg")
        #expect(full.status == 3)
        #expect(
            full.output.contains(
                "The pool that you share with bert is full: 161.7 kB of 170 kB are used."),
            "\(full.output)")
        let before = try account()
        #expect(before?.plan == "small" && before?.warning == "nearlyFull")
        #expect(before?.members.map(\.name) == ["bert", "me"])
        #expect(before?.members.map(\.bytes) == [0, 161_713])

        let unknown = try house.martlet("camera", "storage", "ask", "huge")
        #expect(unknown.status == 64 && unknown.errors.contains("There is no plan “huge”"))
        #expect(try house.martlet("camera", "storage", "ask", "large").status == 0)
        #expect(try account()?.request?.state == "waiting")
        #expect(try onServer("plan", "list").contains("me asks for large since "))
        #expect(
            try onServer("plan", "grant", "me", "--message", "Enjoy") == "me has the plan large.\n")
        #expect(try house.onServer(["plan", "grant", "me"]).status == 64)
        let after = try account()
        #expect(after?.request?.state == "granted" && after?.request?.message == "Enjoy")
        #expect(after?.plan == "large" && after?.quotaBytes == 1_000_000_000)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let text = try house.martlet("camera", "storage").output
        #expect(text.contains("Account (plan large): 3"), "\(text)")
        #expect(text.contains("The plan large was granted on "), "\(text)")
        #expect(try onServer("plan", "list").contains("large 1 GB: bert + me"))
    }
}
