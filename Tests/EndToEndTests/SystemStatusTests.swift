import Foundation
import TestSupport
import Testing

/// What the server says of itself, with real processes: it comes to the devices and goes again.
@Suite(.serialized) struct SystemStatusTests {
    /// A device whose agent runs, and a server that can be told to be slow.
    private func household() throws -> Household {
        let house = try Household()
        try house.startServerWithConditions()
        try house.signIn("camera")
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera")
        return house
    }

    private struct Shown: Decodable {
        struct Service: Decodable {
            let service: String
            let state: String
            let percentileMilliseconds: Int64?
        }
        let services: [Service]
    }

    private func photos(_ house: Household) throws -> Shown.Service? {
        let data = try house.get("/api/v1/system-status")
        return try? JSONDecoder().decode(Shown.self, from: data)
            .services.first { $0.service == "photos" }
    }

    @Test(.timeLimit(.minutes(3)))
    func `a server that is slow says so with its numbers, until it is not`() throws {
        let house = try household()
        let shown = try house.expectReason(
            "serverDegraded", on: "camera", saying: "Photos on the server is slower than usual",
            "one answer in 20 takes 2.", "since 20"
        ) {
            try house.slowPhotosDown()
            #expect(try photos(house)?.state == "degraded")
            #expect(try photos(house)?.percentileMilliseconds ?? 0 > 2_400)
            // The device hears it with its next report: what it has to say changes.
            try house.setConditions(#"{"power":{"lowPowerMode":true}}"#, on: "camera")
        } goneAfter: {
            // Nothing waits because of it.
            #expect(try house.status("camera").counts["waiting"] == 0)
            try house.setServerConditions(#"{"windowMilliseconds":20000}"#)
            #expect(try soon(within: 40) { try photos(house)?.state == "available" })
            try house.setConditions("{}", on: "camera")
        }
        #expect(shown?.clearsWhen == "it has been well for 5 minutes")
        let page = String(decoding: try house.get("/status"), as: UTF8.self)
        #expect(page.contains("All services are available"))
        #expect(page.contains("Slower than usual"))
    }

    @Test(.timeLimit(.minutes(3)))
    func `maintenance holds writing back until it is off, and says its end`() throws {
        let house = try household()
        #expect(try house.onServer("maintenance", "on", "--until", "yesterday").status == 64)
        try house.expectReason(
            "serverMaintenance", on: "camera", saying: "under maintenance until 20",
            "UTC (A new disk)."
        ) {
            let on = try house.onServer(
                "maintenance", "on", "--until", "2h", "--message", "A new disk")
            #expect(on.status == 0, "\(on.errors)")
            usleep(2_500_000)
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("gps/DSCN0010.jpg"),
                toPath: house.library("camera") + "/a.jpg")
        } goneAfter: {
            let once = try house.martlet("camera", "status")
            #expect(once.output.contains("A new disk"))
            #expect(try house.status("camera").counts["inSync"] == 0)
            let page = String(decoding: try house.get("/status"), as: UTF8.self)
            #expect(page.contains("A new disk") && page.contains("under maintenance"))
            // Tries have become rare by now; the end is noticed all the same.
            usleep(12_000_000)
            let off = try house.onServer("maintenance", "off", "--json")
            #expect(off.output.contains("true"), "\(off.errors)")
        }
        try house.expectUpToDate("camera", items: 1)
        let page = String(decoding: try house.get("/status"), as: UTF8.self)
        #expect(page.contains("All services are available"))
    }

    @Test(.timeLimit(.minutes(2)))
    func `a sync that meets maintenance ends, says why, and can be tried again`() throws {
        let house = try Household()
        try house.signIn("camera")
        #expect(try house.onServer("maintenance", "on", "--until", "1h").status == 0)
        usleep(2_500_000)
        let met = try house.martlet("camera", "sync", "--once")
        #expect(met.status == 75, "\(met.output)\n\(met.errors)")
        #expect((met.output + met.errors).contains("under maintenance until"))
        #expect(try house.onServer("maintenance", "off").status == 0)
        usleep(2_500_000)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
    }
}
