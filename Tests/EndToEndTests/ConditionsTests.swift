import Foundation
import TestSupport
import Testing

/// What the machine says and the user allows, with real processes.
@Suite(.serialized) struct ConditionsTests {
    private func household() throws -> Household {
        let house = try Household()
        try house.signIn("camera")
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera")
        return house
    }

    @Test(.timeLimit(.minutes(2)))
    func `a network that is away or wants a sign-in is a reason until it is not`() throws {
        let house = try household()
        try house.expectReason("offline", on: "camera", saying: "there is no route") {
            try house.setConditions(#"{"network":{"reachable":false}}"#, on: "camera")
        } goneAfter: {
            try house.setConditions("{}", on: "camera")
        }
        try house.expectReason("captivePortal", on: "camera", saying: "127.0.0.1") {
            try house.setConditions(#"{"network":{"captivePortal":true}}"#, on: "camera")
        } goneAfter: {
            try house.setConditions("{}", on: "camera")
        }
        try house.expectUpToDate("camera")
    }

    @Test(.timeLimit(.minutes(3)))
    func `a quota that is changed beside the server is heard within seconds`() throws {
        let house = try household()
        func put(_ name: String) throws {
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("gps/\(name)"),
                toPath: house.library("camera") + "/\(name)")
        }
        try put("DSCN0010.jpg")
        try house.expectUpToDate("camera", items: 1)
        // 161,713 bytes.
        try house.expectReason(
            "accountNearlyFull", on: "camera", saying: "38.3 kB are left of 200 kB"
        ) {
            try house.setQuota("200kB")
        } goneAfter: {
            try house.setQuota("50GB")
        }
        try house.setQuota("170kB")
        try house.expectReason("accountFull", on: "camera", saying: "of 170 kB are used") {
            try put("DSCN0012.jpg")
        } goneAfter: {
            try house.setQuota("50GB")
        }
        try house.expectUpToDate("camera", items: 2)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a pause holds photos back until the user resumes`() throws {
        let house = try household()
        try house.expectReason("pausedByYou", on: "camera", saying: "until you resume") {
            let paused = try house.martlet("camera", "pause")
            #expect(paused.status == 0)
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("gps/DSCN0010.jpg"),
                toPath: house.library("camera") + "/a.jpg")
        } goneAfter: {
            usleep(1_500_000)
            let status = try house.status("camera")
            #expect(status.counts["onlyHere"] == 1)
            let resumed = try house.martlet("camera", "resume", "--json")
            #expect(resumed.output.contains("true"))
        }
        try house.expectUpToDate("camera", items: 1)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a pause outlives the agent and ends at its time`() throws {
        let house = try Household()
        try house.signIn("camera")
        #expect(try house.martlet("camera", "pause", "--until", "yesterday").status == 64)
        #expect(try house.martlet("camera", "pause", "--until", "1min").status == 0)
        #expect(try house.status("camera").reasons.map(\.code) == ["pausedByYou"])
        #expect(try house.martlet("camera", "sync", "--once").status == 3)
        #expect(try house.martlet("camera", "resume").status == 0)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
    }

    @Test(.timeLimit(.minutes(3)))
    func `large items wait for power and a free network, small ones do not`() throws {
        let house = try household()
        let cases = [
            ("lowPowerMode", #"{"power":{"source":"battery","lowPowerMode":true}}"#, "saver"),
            ("lowBattery", #"{"power":{"source":"battery","level":0.12}}"#, "12 %"),
            ("meteredNetwork", #"{"network":{"metered":true}}"#, "metered"),
        ]
        for (index, (code, conditions, evidence)) in cases.enumerated() {
            try house.expectReason(code, on: "camera", saying: evidence) {
                try house.setConditions(conditions, on: "camera")
            } goneAfter: {
                try Self.writeFilm(
                    house.library("camera") + "/film\(index).mov", salt: UInt8(index))
                try house.expectShown(code, on: "camera", saying: ["1 item over 1 MB waits"])
                let status = try house.status("camera")
                #expect(status.state == "paused")
                #expect(status.counts["waiting"] == 1)
                try house.setConditions("{}", on: "camera")
            }
            try house.expectUpToDate("camera", items: index + 1)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `sync now and a changed policy let large items cross at once`() throws {
        let house = try household()
        try house.setConditions(#"{"network":{"metered":true}}"#, on: "camera")
        try house.expectShown("meteredNetwork", on: "camera")
        try Self.writeFilm(house.library("camera") + "/film.mov")
        try house.expectShown("meteredNetwork", on: "camera", saying: ["1 item over 1 MB waits"])
        let joined = try house.martlet("camera", "sync", "--once", "--now")
        #expect(joined.status == 0)
        try Self.writeFilm(house.library("camera") + "/film2.mov", salt: 9)
        try house.expectShown("meteredNetwork", on: "camera", saying: ["1 item over 1 MB waits"])
        let set = try house.martlet("camera", "config", "metered", "unlimited")
        #expect(set.output == "metered = unlimited\n")
        try house.expectGone("meteredNetwork", on: "camera")
        try house.expectUpToDate("camera", items: 2)
        let wrong = try house.martlet("camera", "config", "metered", "sometimes")
        #expect(wrong.status == 64)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a wrong clock and a sleep are told`() throws {
        let house = try household()
        try house.expectReason("clockWrong", on: "camera", saying: "7 min ahead of") {
            try house.setConditions(#"{"clockOffsetSeconds":420}"#, on: "camera")
        } goneAfter: {
            try house.setConditions("{}", on: "camera")
        }
        try house.setConditions(#"{"sleptSeconds":3600}"#, on: "camera")
        try house.expectShown("wasAsleep", on: "camera", saying: ["slept from"])
        try house.expectGone("wasAsleep", on: "camera", within: 15)
    }

    /// A film by its looks, of 3 MiB.
    private static func writeFilm(_ path: String, salt: UInt8 = 1) throws {
        let head: [UInt8] = [0, 0, 0, 20] + Array("ftypqt  ".utf8) + [0, 0, 0, 0]
        let bytes = head + Array("qt  ".utf8) + Array(repeating: salt, count: 3 << 20)
        try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
