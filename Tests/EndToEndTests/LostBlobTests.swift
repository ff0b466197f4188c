import Foundation
import TestSupport
import Testing

/// One picture that the server lost holds back no other (P7).
@Suite(.serialized) struct LostBlobTests {
    @Test(.timeLimit(.minutes(2)))
    func `a new device gets everything but the lost one, which says so, and comes when it is back`()
        throws
    {
        let world = try DoctorWorld()
        try FileManager.default.removeItem(atPath: try world.object(of: world.first))
        try world.house.signIn("phone")
        let first = try world.house.martlet("phone", "sync", "--once")
        #expect(first.status == 3, "\(first.output)\(first.errors)")
        let library = world.house.library("phone")
        #expect(Files.names(in: library).count == 5)
        _ = try world.house.startAgent("phone")
        try world.house.expectShown("lostOnServer", on: "phone", within: 15)
        let reasons = try world.house.status("phone").reasons
        #expect(!reasons.contains { $0.code == "serverUnreachable" }, "\(reasons)")
        world.house.endAgents()
        // The device that has it sends it again.
        try world.house.martlet(world.device, "doctor", "--deep", "--fix", "--yes")
        try world.sync("phone")
        #expect(Files.names(in: library).count == 6)
        #expect(try Files.digests(in: library).keys.sorted() == world.digests.sorted())
    }
}
