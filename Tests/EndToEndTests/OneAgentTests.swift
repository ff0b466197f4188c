import Foundation
import Glibc
import TestSupport
import Testing

/// One durable queue, however many processes there are; and the service that keeps one running.
@Suite(.serialized) struct OneAgentTests {
    @Test(.timeLimit(.minutes(2)))
    func `a second sync says who runs and waits for it, a third takes its place`() throws {
        let house = try Household()
        try house.signIn("camera")
        let first = try house.startAgent("camera")
        try house.expectUpToDate("camera")
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0010.jpg"), toPath: house.library("camera") + "/1.jpg")
        let second = try house.martlet("camera", "sync", "--once")
        #expect(second.status == 0, "\(second.output)\n\(second.errors)")
        #expect(second.output.contains("process \(first.processIdentifier) since 20"))
        try house.expectUpToDate("camera", items: 1)

        _ = try house.startAgent("camera")
        #expect(soon { (try? house.log("camera"))?.contains("runs already") ?? false })
        house.killAgent(first)
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0012.jpg"), toPath: house.library("camera") + "/2.jpg")
        try house.expectUpToDate("camera", items: 2)
        #expect(try house.status("camera").reasons.isEmpty)

        house.killServer()
        try house.expectShown("serverUnreachable", on: "camera")
        #expect(try house.martlet("camera", "sync", "--once").status == 75)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a service is written, started and removed`() throws {
        let house = try Household()
        try house.signIn("camera")
        // A manager of services that writes down what it is asked.
        let tools = house.folder.file("tools")
        let asked = house.folder.file("asked")
        try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: true)
        try Data("#!/bin/sh\necho \"$@\" >>'\(asked)'\n".utf8)
            .write(to: URL(fileURLWithPath: tools + "/systemctl"))
        #expect(chmod(tools + "/systemctl", 0o755) == 0)
        let environment = [
            "MARTLET_HOME": house.home("camera"), "XDG_CONFIG_HOME": house.folder.file("config"),
            "PATH": tools + ":/usr/bin:/bin",
        ]
        let installed = try Program.run(["service", "install"], environment: environment)
        #expect(installed.status == 0, "\(installed.output)\n\(installed.errors)")
        let folder = house.folder.file("config") + "/systemd/user"
        let units = try FileManager.default.contentsOfDirectory(atPath: folder)
        let name = try #require(units.first)
        #expect(units.count == 1)
        #expect(name.hasPrefix("martlet-") && name.hasSuffix(".service"))
        let unit = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
        #expect(unit.contains("Environment=\"MARTLET_HOME=\(house.home("camera"))\"\n"))
        #expect(unit.contains("ExecStart=\"\(Program.path)\" sync\n"))
        let calls = try String(contentsOfFile: asked, encoding: .utf8)
        #expect(calls.contains("--user --no-ask-password enable \(name)\n"))
        #expect(calls.contains("--user --no-ask-password restart \(name)\n"))

        // As the service starts it; whoever runs this test does not linger.
        let lingers = installed.output.contains("enable-linger") == false
        _ = try house.startAgent("camera", with: ["MARTLET_SERVICE": "user"])
        if !lingers {
            try house.expectShown(
                "backgroundNotAllowed", on: "camera", saying: ["loginctl enable-linger"],
                within: 10)
            // The server knows as well, and tells the account's other devices.
            try house.signIn("laptop")
            #expect(
                try soon {
                    try house.martlet("laptop", "devices", "--json").output
                        .contains("backgroundNotAllowed")
                })
        }

        let removed = try Program.run(["service", "uninstall"], environment: environment)
        #expect(removed.status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
    }

    @Test(.timeLimit(.minutes(1)))
    func `without a manager of services the unit is written and the way out is said`() throws {
        let house = try Household()
        try house.signIn("camera")
        let result = try Program.run(
            ["service", "install"],
            environment: [
                "MARTLET_HOME": house.home("camera"),
                "XDG_CONFIG_HOME": house.folder.file("config"), "PATH": "/nowhere",
            ])
        #expect(result.status == 3)
        #expect(result.output.contains("martlet sync"), "\(result.output)")
    }
}
