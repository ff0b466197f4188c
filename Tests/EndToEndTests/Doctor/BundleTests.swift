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

        struct Event: Decodable {
            let item: Int
            let event: String
        }

        let well: Bool
        let version: String
        let serverVersion: String?
        let state: String?
        let examinations: [Examined]
        let remediesProposed: [String]
        let devices: [Device]
        let timeline: [Event]
    }

    @Test(.timeLimit(.minutes(5)))
    func `a bundle has states, findings and the last day, and no name or secret`() throws {
        let world = try DoctorWorld()
        let house = world.house
        try world.rot(world.first)
        let file = house.folder.file("bundle.json")
        let result = try house.martlet(world.device, "doctor", "--deep", "--bundle", file)
        #expect(result.status == 3 && result.output.contains("read it before you pass it on"))
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        let bundle = try JSONDecoder().decode(Bundle.self, from: data)
        #expect(!bundle.well && bundle.state == "upToDate" && !bundle.version.isEmpty)
        #expect(bundle.serverVersion == bundle.version)
        #expect(bundle.examinations.count >= 34)
        let found = bundle.examinations.flatMap(\.findings).first { $0.code == "bytesDiffer" }
        #expect(found?.message.contains("1 item") == true, "\(String(describing: found))")
        #expect(bundle.remediesProposed == ["fetchGoodCopy"])
        #expect(bundle.devices.map(\.isThis) == [true])
        // Nothing but their first sync has happened to these.
        #expect(bundle.timeline.isEmpty, "\(bundle.timeline)")
        let text = String(decoding: data, as: UTF8.self)
        let token = try String(contentsOfFile: house.home(world.device) + "/token", encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        for secret in ["DSCN", ".jpg", "camera", house.folder.path, "127.0.0.1", token] {
            #expect(!text.contains(secret), "\(secret) is in the bundle")
        }
    }
}
