import Foundation
import Glibc
import TestSupport
import Testing

// Faults of the agent, of the device's own folder, and of the server's certificate.
extension PlantedFault {
    static let agent: [PlantedFault] = [
        PlantedFault("an agent that hangs", "agentSilent") { world in
            let agent = try world.house.startAgent(world.device)
            try world.house.expectUpToDate(world.device)
            kill(agent.processIdentifier, SIGSTOP)
        } endedBy: { world in
            world.house.endAgents()
            try world.sync()
        },
        PlantedFault("a service that hangs", "agentSilent", mendedBy: "restartAgent") { world in
            try world.installService()
            kill(try world.servicePID(), SIGSTOP)
        } then: { world in
            try world.removeService()
        },
        PlantedFault(
            "a service whose socket was tidied up", "agentSilent", mendedBy: "restartAgent"
        ) { world in
            try world.installService()
            _ = unlink(world.house.home(world.device) + "/agent.sock")
        } then: { world in
            try world.removeService()
        },
    ]

    /// These take a small disk, and so root.
    static let home: [PlantedFault] = [
        PlantedFault("a full disk under the device's own folder", "homeNearlyFull") { world in
            try world.moveHome()
            try world.fillHome()
            try world.add(RealPhotos.names(in: ["camera"])[2])
            // It waits, says why, and breaks nothing.
            let synced = try world.house.martlet(world.device, "sync", "--once")
            guard synced.status == 3, synced.output.contains("disk is full") else {
                throw HouseholdError(description: "\(synced.output)\(synced.errors)")
            }
        } endedBy: { world in
            try world.moveHomeBack()
            try world.sync()
        },
        PlantedFault("a device's own folder that can only be read", "homeNotWritable") { world in
            try world.moveHome()
            try world.setHomeReadOnly(true)
            let synced = try world.house.martlet(world.device, "sync", "--once")
            guard synced.status == 3, synced.errors.contains("the disk is read-only") else {
                throw HouseholdError(description: "\(synced.output)\(synced.errors)")
            }
            let paused = try world.house.martlet(world.device, "pause")
            guard paused.status == 3, paused.errors.contains("whether its disk is read-only") else {
                throw HouseholdError(description: "\(paused.output)\(paused.errors)")
            }
            // What is known can still be asked.
            guard try world.house.status(world.device).state == "upToDate" else {
                throw HouseholdError(description: "the status cannot be read")
            }
        } endedBy: { world in
            try world.setHomeReadOnly(false)
            try world.moveHomeBack()
            try world.sync()
        },
    ]

    /// With a server that shows a certificate.
    static let trust: [PlantedFault] = [
        PlantedFault(
            "a certificate that nobody knows", "certificateUntrusted", byHand: "signInAgain"
        ) { world in
            try world.show("localhost")
        } endedBy: { world in
            try world.trustAgain()
        },
        PlantedFault("a certificate that has ended", "certificateNotValid") { world in
            try world.show(
                "localhost", "-startdate 20200101000000Z -enddate 20200201000000Z")
            try world.trust()
        } endedBy: { world in
            try world.trustAgain()
        },
        PlantedFault("a certificate whose time has not come", "certificateNotValid") { world in
            try world.show(
                "localhost", "-startdate 20450101000000Z -enddate 20450201000000Z")
            try world.trust()
        } endedBy: { world in
            try world.trustAgain()
        },
        PlantedFault("a certificate of another host", "certificateOfOther") { world in
            try world.show("photos.example.org")
            try world.trust()
        } endedBy: { world in
            try world.trustAgain()
        },
    ]
}

// A service of the user's, without a system that has any.
extension DoctorWorld {
    /// What does as systemd would: `restart` ends the unit's process, and starts its command.
    ///
    /// It hands no open file on: who started it would wait for the service's end.
    private static let manager = """
        #!/bin/bash
        unit="$XDG_CONFIG_HOME/systemd/user/$4"
        case "$3" in
        restart | disable)
            kill -9 "$(sed -n 's/^process \\([0-9]*\\).*/\\1/p' "$MARTLET_HOME/agent.lock")" ;;
        esac
        if [ "$3" = restart ]; then
            (
                for file in /proc/$BASHPID/fd/*; do
                    number=${file##*/}
                    if [ "$number" -gt 2 ]; then eval "exec $number>&-"; fi
                done
                eval "exec setsid $(sed -n 's/^ExecStart=//p' "$unit")"
            ) </dev/null >/dev/null 2>&1 &
        fi
        exit 0

        """

    func installService() throws {
        let tools = house.folder.file("tools")
        try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: true)
        try write(Self.manager, to: tools + "/systemctl")
        mode(0o755, of: tools + "/systemctl")
        house.surroundings = [
            "XDG_CONFIG_HOME": house.folder.file("config"), "PATH": tools + ":/usr/bin:/bin",
        ]
        let installed = try house.martlet(device, "service", "install")
        guard installed.status == 0, soon({ (try? servicePID()) != nil }) else {
            throw HouseholdError(description: "\(installed.output)\(installed.errors)")
        }
        try house.expectUpToDate(device)
    }

    func servicePID() throws -> pid_t {
        let text = try String(contentsOfFile: house.home(device) + "/agent.lock", encoding: .utf8)
        guard text.hasPrefix("process "), let number = text.split(separator: " ").dropFirst().first,
            let identifier = pid_t(number)
        else { throw HouseholdError(description: "no agent holds the lock: \(text)") }
        return identifier
    }

    func removeService() throws {
        let removed = try house.martlet(device, "service", "uninstall")
        house.surroundings = [:]
        guard removed.status == 0 else { throw HouseholdError(description: removed.errors) }
        try sync()
    }
}

// The certificate that the server shows.
extension DoctorWorld {
    func show(_ host: String, _ validity: String = "-days 2") throws {
        house.killServer()
        try house.makeCertificate(for: host, validity: validity)
        try house.startServer()
    }

    /// Beside the device's back: nothing but what is wrong with the certificate is in the way.
    func trust() throws {
        let certificate = try Data(contentsOf: URL(fileURLWithPath: house.certificate))
        try certificate.write(to: URL(fileURLWithPath: house.home(device) + "/trusted.pem"))
    }

    func trustAgain() throws {
        try show("localhost")
        try house.signIn(device)
        try sync()
    }
}
