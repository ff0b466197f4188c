import Foundation
import TestSupport
import Testing

/// What a helper is given tells everything but names.
@Suite(.serialized) struct BundleTests {
    private struct Bundle: Decodable {
        struct Examined: Decodable {
            struct Found: Decodable {
                let code: String
                let message: String
            }

            let name: String
            let findings: [Found]
        }

        struct Device: Decodable {
            let isThis: Bool
            let state: String?
        }

        struct Treated: Decodable {
            let remedy: String
            let outcome: String
            let why: String?
        }

        struct Failed: Decodable {
            let doing: String
            let cause: String
            let lastAt: String
            let times: Int
            let items: Int
        }

        struct Event: Decodable {
            let item: Int
            let event: String
        }

        let well: Bool
        let version: String
        let serverVersion: String?
        let state: String?
        let examinations: [Examined]
        let remedies: [Treated]
        let devices: [Device]
        let lastErrors: [Failed]
        let timeline: [Event]
    }

    private func bundle(
        _ world: DoctorWorld, _ options: String...
    ) throws -> (Bundle, Program.Result) {
        let file = world.house.folder.file("bundle.json")
        let result = try world.house.martlet(
            world.device, ["doctor", "--bundle", file] + options)
        #expect(result.status == 3, "\(result.errors)")
        #expect(result.output.contains("read it before you pass it on"))
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        try expectNoNames(String(decoding: data, as: UTF8.self), world)
        return (try JSONDecoder().decode(Bundle.self, from: data), result)
    }

    private func expectNoNames(_ text: String, _ world: DoctorWorld) throws {
        let house = world.house
        let token = try String(contentsOfFile: house.home(world.device) + "/token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        for secret in [
            "DSCN", "Grandma", "Lisbon", ".jpg", "camera", "phone", house.folder.path, "127.0.0.1",
            token,
        ] {
            #expect(!text.contains(secret), "\(secret) is in the bundle")
        }
        // Neither ids nor digests.
        #expect(try /[0-9a-f]{32}/.firstMatch(in: text) == nil)
    }

    /// A picture with a name that tells something, from another device; its bytes are gone from the
    /// server before this one has fetched it.
    private func loseGrandma(_ world: DoctorWorld) throws {
        let house = world.house
        try house.signIn("phone")
        let picture = house.library("phone") + "/Grandma in Lisbon.jpg"
        let name = try #require(RealPhotos.names(in: ["camera"]).first)
        try FileManager.default.copyItem(atPath: RealPhotos.path(name), toPath: picture)
        try world.sync("phone")
        try FileManager.default.removeItem(atPath: world.object(of: picture))
        // The server finds that out by reading its objects.
        try house.onServer("scrub")
        #expect(try house.martlet(world.device, "sync", "--once").status == 3)
    }

    @Test(.timeLimit(.minutes(5)))
    func `a bundle has states, findings and the last day, and no name or secret`() throws {
        let world = try DoctorWorld()
        try loseGrandma(world)
        try FileManager.default.removeItem(atPath: world.library + "/DSCN0012.jpg")
        _ = try world.house.martlet(world.device, "sync", "--once")
        try world.rot(world.first)
        let (bundle, _) = try bundle(world, "--deep")
        #expect(!bundle.well && !bundle.version.isEmpty)
        #expect(bundle.serverVersion == bundle.version)
        #expect(bundle.examinations.count >= 34)
        let found = bundle.examinations.flatMap(\.findings).first { $0.code == "bytesDiffer" }
        #expect(found?.message.contains("1 item") == true, "\(String(describing: found))")
        let proposed = bundle.remedies.first { $0.remedy == "fetchGoodCopy" }
        #expect(proposed?.outcome == "proposed" && proposed?.why == nil)
        #expect(bundle.devices.map(\.isThis).filter { $0 }.count == 1 && bundle.devices.count == 2)

        let events = Dictionary(grouping: bundle.timeline, by: \.event)
        #expect(events["fetchingFailed"] != nil && events["gone"] != nil, "\(bundle.timeline)")
        #expect(bundle.timeline.allSatisfy { $0.item > 0 })
        #expect(events["gone"]?.first?.item != events["fetchingFailed"]?.first?.item)
        let failed = try #require(bundle.lastErrors.first { $0.doing == "fetchingFailed" })
        #expect(failed.cause == "the server does not have it")
        #expect(failed.items == 1 && failed.times >= 1 && failed.lastAt.hasSuffix(" UTC"))
    }

    @Test(.timeLimit(.minutes(5)))
    func `a bundle says which remedies were refused and why, without a name`() throws {
        let world = try DoctorWorld()
        let object = try world.object(of: world.first)
        try world.rot(world.first)
        try FileManager.default.removeItem(atPath: object)
        let (bundle, result) = try bundle(world, "--deep", "--fix", "--yes")
        #expect(result.output.contains("DSCN0010.jpg"), "the doctor itself names it")
        let refused = try #require(
            bundle.remedies.first { $0.remedy == "fetchGoodCopy" }, "\(bundle.remedies)")
        #expect(refused.outcome == "refused")
        #expect(
            refused.why == "0 of 1 were mended. …: The server does not have it.",
            "\(String(describing: refused.why))")
    }

    @Test(.timeLimit(.minutes(2)))
    func `a server that is away is among the last errors`() throws {
        let world = try DoctorWorld()
        world.house.killServer()
        let (bundle, _) = try bundle(world)
        let failed = try #require(bundle.lastErrors.first)
        #expect(failed.doing == "askingTheServer")
        #expect(failed.cause == "The server cannot be reached: connection refused.")
    }
}
