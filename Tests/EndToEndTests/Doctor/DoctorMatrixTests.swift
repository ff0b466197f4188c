import Foundation
import Records
import Status
import TestSupport
import Testing

/// Each fault is planted into a device and its server, and the doctor must name its cause, change
/// nothing by looking, mend what it says it mends, find nothing afterwards, and lose no byte.
@Suite(.serialized) struct DoctorMatrixTests {
    @Test(.timeLimit(.minutes(30)))
    func `every planted fault is named, and mended where it should be`() throws {
        let world = try DoctorWorld()
        try expectWell(world)
        for fault in PlantedFault.all { try prove(fault, in: world) }
        if SmallDisk.canBeMade { for fault in PlantedFault.home { try prove(fault, in: world) } }
        let other = try DoctorWorld(optimize: true)
        try expectWell(other)
        for fault in PlantedFault.previews { try prove(fault, in: other) }
        #expect(PlantedFault.everything.count >= 75)
    }

    @Test(.timeLimit(.minutes(5)))
    func `every fault of a certificate is told from the others`() throws {
        let world = try DoctorWorld(usesTLS: true)
        try expectWell(world)
        for fault in PlantedFault.trust { try prove(fault, in: world) }
    }

    @Test(.timeLimit(.minutes(10)))
    func `every planted fault of a server is named, and mended where it should be`() throws {
        let world = try DoctorWorld(isBackedUp: true)
        try expectWell(world)
        let shown = try world.serverDoctor(["--deep"])
        #expect(shown.well, "in the beginning: \(shown.complaints)")
        for fault in PlantedFault.server { try prove(fault, in: world) }
        // What the server has is what was there in the beginning.
        try world.house.signIn("visitor")
        try world.sync("visitor")
        let there = try Files.digests(in: world.house.library("visitor"))
        #expect(Set(there.keys) == world.digests)
    }

    private func expectWell(_ world: DoctorWorld) throws {
        let shown = try world.house.doctor(world.device)
        #expect(shown.well, "in the beginning: \(shown.complaints)")
        #expect(shown.seconds < 10)
    }

    private func prove(_ fault: PlantedFault, in world: DoctorWorld) throws {
        try fault.plant(world)
        let before = try world.inventory(fault)
        let found = try doctor(world, fault)
        let finding = found.findings.first { $0.code == fault.finding }
        #expect(finding != nil, "\(fault): found \(found.findings)")
        #expect(finding?.message.contains("unknown") != true, "\(fault): \(finding?.message ?? "")")
        #expect(try world.inventory(fault) == before, "\(fault): looking changed it")
        if let remedy = fault.remedy {
            #expect(finding?.remedy == remedy, "\(fault): \(finding?.remedy ?? "no remedy")")
            let mended = try doctor(world, fault, ["--fix", "--yes"])
            let step = mended.remedies.first { $0.code == remedy }
            // A remedy before it may have mended it as well.
            let isMended = step?.outcome == "done" || step?.outcome == "notNeeded"
            #expect(isMended, "\(fault): \(mended.remedies)")
            let again = mended.findings.first { $0.code == fault.finding }
            #expect(again == nil, "\(fault), mended: \(mended.findings)")
        }
        try fault.end(world)
        if fault.isOfServer { try expectWell(world) }
        let after = try doctor(world, fault)
        #expect(after.well, "\(fault), afterwards: \(after.complaints)")
        let again = after.findings.first { $0.code == fault.finding }
        #expect(again == nil, "\(fault) is found again: \(after.findings)")
        #expect(try world.lacking().isEmpty, "\(fault): bytes are gone")
    }

    private func doctor(
        _ world: DoctorWorld, _ fault: PlantedFault, _ more: [String] = []
    ) throws -> ShownDoctor {
        let arguments = fault.arguments + more
        if fault.isOfServer { return try world.serverDoctor(arguments) }
        return try ShownDoctor(
            of: world.house.martlet(world.device, ["doctor", "--json"] + arguments))
    }

    @Test(.timeLimit(.minutes(3)))
    func `what is not without risk waits for a yes, and can be undone`() throws {
        let world = try DoctorWorld()
        let path = world.library + "/DSCN0027.jpg"
        let good = try Data(contentsOf: URL(fileURLWithPath: path))
        try world.rot(path)
        let bad = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(good != bad)
        let asked = try world.house.doctor(world.device, "--deep", "--fix")
        #expect(asked.remedies.map(\.outcome) == ["proposed"], "\(asked.remedies)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bad)
        let mended = try world.house.doctor(world.device, "--deep", "--fix", "--yes")
        #expect(mended.remedies.map(\.outcome) == ["done"], "\(mended.remedies)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == good)
        let undone = try world.house.martlet(world.device, "doctor", "undo")
        #expect(undone.status == 0 && undone.output.contains("DSCN0027.jpg is back."))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bad)
        // And once more: the good one lay aside meanwhile.
        #expect(try world.house.martlet(world.device, "doctor", "undo").status == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == good)
        let text = try world.house.martlet(world.device, "doctor")
        #expect(text.output.contains("Good to know: Repairs moved 1 item aside"))
    }

    @Test(.timeLimit(.minutes(2)))
    func `a deep look that was broken off goes on where it was`() throws {
        let world = try DoctorWorld()
        for name in ["DSCN0010.jpg", "DSCN0027.jpg"] { try world.rot("\(world.library)/\(name)") }
        let after = "DSCN0021.jpg".utf8.map { String($0, radix: 16) }.joined()
        try world.write(
            #"{"after":"\#(after)","differing":[],"isWhole":false}"#,
            to: world.house.home(world.device) + "/reading-again.json")
        let rest = try world.house.doctor(world.device, "--deep")
        #expect(rest.complaints.map(\.items) == [["DSCN0027.jpg"]], "\(rest.complaints)")
        let whole = try world.house.doctor(world.device, "--deep")
        #expect(whole.complaints.map(\.items) == [["DSCN0010.jpg", "DSCN0027.jpg"]])
        let mended = try world.house.doctor(world.device, "--deep", "--fix", "--yes")
        #expect(mended.well, "\(mended.complaints) \(mended.remedies)")
        #expect(try world.lacking().isEmpty)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a disk that fails as a whole is not mended file by file`() throws {
        let world = try DoctorWorld()
        for number in 0..<6 { _ = try world.addNew(number) }
        for name in Files.names(in: world.library).prefix(10) {
            try world.rot("\(world.library)/\(name)")
        }
        let before = try Files.inventory(of: world.library)
        let refused = try world.house.doctor(world.device, "--deep", "--fix", "--yes")
        #expect(refused.remedies.map(\.outcome) == ["refused"], "\(refused.remedies)")
        #expect(refused.remedies.first?.message?.contains("10 of 12 files") == true)
        #expect(try Files.inventory(of: world.library) == before)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a damaged database is made anew beside its agent`() throws {
        let world = try DoctorWorld()
        let source = world.house.folder.file("source")
        try FileManager.default.createDirectory(
            atPath: source, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0038.jpg"), toPath: source + "/DSCN0038.jpg")
        try world.house.martlet(world.device, "photos", "source", "add", source)
        try world.sync()
        // Everything behind the first pages, which hold what the database is.
        let start = 4_096 * 8
        let count = world.byteCount(world.database) - start
        try world.overwrite(
            [UInt8](repeating: 0xA5, count: count), at: start, of: world.database)
        let agent = try world.house.startAgent(world.device)
        // Until the agent answers, a command asks the damaged rows, and says that they are.
        #expect(soon(within: 15) { (try? world.house.status(world.device)) != nil })
        try world.house.expectShown("libraryDamaged", on: world.device)
        let mended = try world.house.doctor(world.device, "--fix", "--yes")
        #expect(mended.remedies.map(\.outcome).contains("done"), "\(mended.remedies)")
        try world.house.expectUpToDate(world.device, items: 7)
        #expect(agent.isRunning)
        #expect(try world.lacking().isEmpty)
    }
}
