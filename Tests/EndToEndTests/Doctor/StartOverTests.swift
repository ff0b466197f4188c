import Foundation
import TestSupport
import Testing

/// Rung 8 of the remedies: every original leaves and comes back, or nothing is touched.
@Suite(.serialized) struct StartOverTests {
    private struct Shown: Decodable {
        struct Kept: Decodable {
            let path: String
            let why: String
        }
        let originals: Int
        let unproven: [Kept]
        let startedOver: Bool
    }

    private func startOver(
        _ world: DoctorWorld, _ arguments: String...
    ) throws -> (status: Int32, shown: Shown) {
        let result = try world.house.martlet(
            world.device, ["doctor", "start-over", "--json"] + arguments)
        do {
            let shown = try JSONDecoder().decode(Shown.self, from: Data(result.output.utf8))
            return (result.status, shown)
        } catch {
            throw HouseholdError(
                description: "\(result.status) \(result.output)\(result.errors)")
        }
    }

    @Test(.timeLimit(.minutes(3)), arguments: [false, true])
    func `with proof of every original the library leaves and comes back`(runs: Bool) throws {
        let world = try DoctorWorld()
        let notes = world.library + "/notes.txt"
        try world.write("mine", to: notes)
        try world.sync()
        let before = try Files.inventory(of: world.library)
        let look = try startOver(world)
        #expect(look.status == 0 && !look.shown.startedOver)
        #expect(look.shown.originals == 6 && look.shown.unproven.isEmpty)
        #expect(try Files.inventory(of: world.library) == before)
        let text = try world.house.martlet(world.device, "doctor", "start-over")
        #expect(
            text.status == 0 && text.output.contains("Nothing would be lost."), "\(text.output)")
        if runs {
            _ = try world.house.startAgent(world.device)
            try world.house.expectUpToDate(world.device, items: 6)
        }
        let done = try startOver(world, "--yes")
        #expect(done.status == 0 && done.shown.startedOver, "\(done.shown)")
        if !runs {
            #expect(Files.names(in: world.library) == ["notes.txt"])
            try world.sync()
        }
        #expect(soon(within: 60) { (try? world.lacking())?.isEmpty ?? false })
        #expect(FileManager.default.contents(atPath: notes) == Data("mine".utf8))
        // Nothing was deleted: another device has them all.
        try world.house.signIn("phone")
        try world.sync("phone")
        #expect(Files.names(in: world.house.library("phone")).count == 6)
    }

    @Test(.timeLimit(.minutes(3)))
    func `while the server lacks one original nothing is touched`() throws {
        let world = try DoctorWorld()
        try FileManager.default.removeItem(atPath: try world.object(of: world.first))
        // Seen by this device, and sent to nobody.
        world.house.killServer()
        try world.add("gps/DSCN0038.jpg")
        #expect(try world.house.martlet(world.device, "sync", "--once").status == 75)
        let before = try Files.inventory(of: world.library)
        let away = try world.house.martlet(world.device, "doctor", "start-over", "--yes")
        #expect(away.status == 75 && away.errors.contains("nothing was done"), "\(away.errors)")
        try world.house.startServer()
        let refused = try startOver(world, "--yes")
        #expect(refused.status == 3 && !refused.shown.startedOver)
        #expect(refused.shown.originals == 7)
        let unproven = Dictionary(
            uniqueKeysWithValues: refused.shown.unproven.map { ($0.path, $0.why) })
        #expect(
            unproven == [
                world.first: "receiptPending", world.library + "/DSCN0038.jpg": "onlyHere",
            ])
        #expect(try Files.inventory(of: world.library) == before)
        let text = try world.house.martlet(world.device, "doctor", "start-over", "--yes")
        #expect(text.output.contains("DSCN0010.jpg (the server has not proven all of its parts)"))
        // Sent again, and the one never sent too, it may be done.
        try world.house.martlet(world.device, "doctor", "--deep", "--fix", "--yes")
        try world.sync()
        let done = try startOver(world, "--yes")
        #expect(done.status == 0 && done.shown.startedOver, "\(done.shown)")
        try world.sync()
        #expect(try world.lacking().isEmpty)
        #expect(Files.names(in: world.library).count == 7)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a device that was signed out is told to sign in, and nothing is touched`() throws {
        let world = try DoctorWorld()
        let before = try Files.inventory(of: world.library)
        try world.house.changePassword("another-one")
        let refused = try world.house.martlet(world.device, "doctor", "start-over", "--yes")
        #expect(refused.status == 77 && refused.errors.contains("nothing was done"))
        #expect(refused.errors.contains("martlet login"), "\(refused.errors)")
        #expect(try Files.inventory(of: world.library) == before)
    }

    @Test(.timeLimit(.minutes(2)))
    func `photos that are off are not started over`() throws {
        let world = try DoctorWorld()
        try world.house.martlet(world.device, "services", "off", "photos")
        let refused = try world.house.martlet(world.device, "doctor", "start-over", "--yes")
        #expect(refused.status == 3 && refused.errors.contains("services on photos"))
        #expect(try world.lacking().isEmpty)
    }
}
