import Foundation
import TestSupport
import Testing

/// A row that changes under a running server: its owner hears of it, and that it is over.
@Suite(.serialized) struct DamagedRowsTests {
    @Test(.timeLimit(.minutes(8)))
    func `one bit of a password that changed is told of, and that it was mended`() throws {
        let receivers = try AlertReceivers()
        let world = try DoctorWorld(isBackedUp: true)
        let house = world.house
        try world.stopServer()
        let added = try house.onServer(
            "alerts", "add", "webhook", "pager", "--url",
            "http://127.0.0.1:\(receivers.port("http"))/hook")
        #expect(added.status == 0, "\(added.errors)")
        try lookSoon(world)
        try house.startServer()
        try world.flipPassword()
        #expect(soon(within: 90) { (try? receivers.taken().isEmpty) == false })
        let first = try #require(try receivers.taken().first)
        #expect(first.body.contains("storedRowsDamaged"), "\(first.body)")
        #expect(first.body.contains("credential"), "\(first.body)")

        try world.stopServer()
        let mended = try world.serverDoctor(["--fix", "--yes"])
        #expect(mended.well, "\(mended.complaints) \(mended.remedies)")
        // As if a quarter of an hour had passed: what is not seen for so long is over.
        try sql(
            "UPDATE alert SET seenAt = seenAt - 1000000, tellAt = tellAt - 1000000",
            on: world.serverDatabase)
        try lookSoon(world)
        try house.startServer()
        #expect(soon(within: 90) { (try? receivers.taken().count) ?? 0 >= 2 })
        let last = try #require(try receivers.taken().last)
        #expect(last.body.contains("storedRowsDamaged"), "\(last.body)")
        #expect(last.body.contains("over"), "\(last.body)")
        let list = try house.onServer("alerts", "list")
        #expect(!list.output.contains("storedRowsDamaged"), "\(list.output)")
        // The password is the one that it was.
        try house.signIn("visitor")
        try world.sync("visitor")
        let there = try Files.digests(in: house.library("visitor"))
        #expect(Set(there.keys) == world.digests)
    }

    /// The next server looks at everything at once, and may tell of it at once.
    private func lookSoon(_ world: DoctorWorld) throws {
        try sql(
            "UPDATE alertTurn SET lookedAt = NULL, lease = NULL",
            "UPDATE alertChannel SET sentAt = NULL", on: world.serverDatabase)
    }
}
