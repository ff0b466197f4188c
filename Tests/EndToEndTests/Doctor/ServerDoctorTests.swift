import Foundation
import Records
import TestSupport
import Testing

/// What a server's disk does to it, and what brings it back: by processes, from end to end.
@Suite(.serialized) struct ServerDoctorTests {
    private struct Scrubbed: Decodable {
        struct Lost: Decodable {
            let name: String?
            let digest: String
            let waitingFor: [String]
        }

        let objects: Int
        let setAside: Int
        let wanted: Int
        let lost: [Lost]
        let doubt: String?
    }

    private func scrub(_ world: DoctorWorld, expecting status: Int32) throws -> Scrubbed {
        let result = try world.house.onServer("scrub", "--json")
        #expect(result.status == status, "\(result.output)\(result.errors)")
        let line = try #require(result.output.split(separator: "\n").first)
        return try JSONDecoder().decode(Scrubbed.self, from: Data(line.utf8))
    }

    private func doctor(_ world: DoctorWorld, _ more: String...) throws -> ShownDoctor {
        try world.serverDoctor(more)
    }

    /// Bad, but for what a server that nobody backs up is always told.
    private func troubles(_ shown: ShownDoctor) -> [String] {
        shown.complaints.map(\.code).filter { $0 != "backupMissing" }
    }

    private func expectNoTrouble(_ world: DoctorWorld, _ more: String) throws {
        let shown = try doctor(world, more)
        #expect(troubles(shown).isEmpty, "\(shown.findings)")
    }

    @Test(.timeLimit(.minutes(5)))
    func `damaged and vanished objects come back from a device that has them`() throws {
        let world = try DoctorWorld()
        let house = world.house
        try expectNoTrouble(world, "--deep")
        let (first, second) = (world.first, world.library + "/DSCN0027.jpg")
        let object = try world.object(of: first)
        try world.overwrite([0x5A, 0xA5], at: 30_000, of: object)
        #expect(try shell("rm '\(try world.object(of: second))'") == 0)
        // One is seen without reading; for the other each byte must be.
        #expect(try troubles(doctor(world)) == ["objectsMissing"])
        let deep = try doctor(world, "--deep")
        #expect(Set(troubles(deep)) == ["objectsMissing", "objectsDamaged"])
        let damaged = deep.findings.first { $0.code == "objectsDamaged" }
        #expect(damaged?.items.count == 2, "\(deep.findings)")

        let agent = try house.startAgent(world.device)
        try house.expectUpToDate(world.device, items: 6)
        let report = try scrub(world, expecting: 3)
        #expect(report.setAside == 2 && report.wanted == 2)
        #expect(Set(report.lost.compactMap(\.name)) == ["DSCN0010.jpg", "DSCN0027.jpg"])
        // The running server tells the device by itself, which sends them again.
        let isHealed = try soon {
            let look = try doctor(world).examinations.first { $0.name == "wanted" }
            return look?.lookedAt == "nothing"
        }
        #expect(isHealed)
        try expectNoTrouble(world, "--deep")
        let good = try Data(contentsOf: URL(fileURLWithPath: first))
        // The damaged one lies beside it until the collector comes.
        let stored = try Files.digests(in: house.folder.file("data") + "/blobs/objects")
        #expect(stored[Digest(of: good)]?.count == 1)
        #expect(try scrub(world, expecting: 0).setAside == 0)
        #expect(agent.isRunning)
        #expect(try world.lacking().isEmpty)
    }

    @Test(.timeLimit(.minutes(5)))
    func `a device that syncs once sends what is wanted, too`() throws {
        let world = try DoctorWorld()
        try world.overwrite([1, 2, 3], at: 0, of: try world.object(of: world.first))
        #expect(try scrub(world, expecting: 3).wanted == 1)
        try world.sync()
        #expect(try scrub(world, expecting: 0).wanted == 0)
        try expectNoTrouble(world, "--deep")
    }

    @Test(.timeLimit(.minutes(5)))
    func `what no device has is said plainly, and what is left of it stays`() throws {
        let world = try DoctorWorld()
        let house = world.house
        let object = try world.object(of: world.first)
        // Its only file is away while the server loses its copy: moved, not deleted.
        house.killServer()
        #expect(try shell("mv '\(world.first)' '\(house.folder.file("elsewhere.jpg"))'") == 0)
        try world.overwrite([9, 9, 9, 9], at: 1_000, of: object)
        #expect(try scrub(world, expecting: 3).wanted == 1)
        let asked = try doctor(world)
        #expect(troubles(asked) == ["objectsWanted"])
        let wanted = asked.complaints.first { $0.code == "objectsWanted" }
        #expect(wanted?.message.contains("0 of 1 devices have answered") == true)
        try house.startServer()
        _ = try house.martlet(world.device, "sync", "--once")
        let told = try doctor(world)
        let gone = told.findings.first { $0.code == "objectsGone" }
        #expect(gone?.items == ["me: DSCN0010.jpg"], "\(told.findings)")
        #expect(gone?.message.hasPrefix("No device has the bytes of 1 item") == true)
        #expect(FileManager.default.fileExists(atPath: object))
        // It is found again, and everything is well.
        #expect(try shell("mv '\(house.folder.file("elsewhere.jpg"))' '\(world.first)'") == 0)
        _ = try house.martlet(world.device, "sync", "--once")
        try expectNoTrouble(world, "--deep")
    }

    @Test(.timeLimit(.minutes(5)))
    func `a lost thumbnail is made anew, and no device is asked`() throws {
        let world = try DoctorWorld()
        let house = world.house
        let waited = try house.martlet(world.device, "photos", "wait", "--rendered", "--previews")
        #expect(waited.status == 0, "\(waited.errors)")
        let folder = house.folder.file("data") + "/blobs/objects"
        let originals = try Files.digests(in: world.library)
        let all = try Files.digests(in: folder)
        let made = try #require(all.first { originals[$0.key] == nil }?.value.first)
        try world.overwrite([0, 0, 0, 0], at: 8, of: folder + "/" + made)
        #expect(try scrub(world, expecting: 3).wanted == 1)
        // The server's worker looks when something is committed, and when it starts.
        house.killServer()
        try house.startServer()
        let isMade = try soon { try troubles(doctor(world)).isEmpty }
        #expect(isMade)
        let again = try house.martlet(world.device, "photos", "wait", "--rendered", "--previews")
        #expect(again.status == 0, "\(again.errors)")
        try expectNoTrouble(world, "--deep")
    }

    @Test(.timeLimit(.minutes(5)))
    func `a damaged database is mended beside a stopped server, and a device sends what it lacks`()
        throws
    {
        let world = try DoctorWorld()
        let house = world.house
        let data = house.folder.file("data")
        let running = try house.onServer("doctor", "--server", "--fix", "--yes")
        #expect(running.status == 0 || running.status == 3)
        house.killServer()
        let path = data + "/database.sqlite"
        // A page with rows of records: overwritten as a bad disk does it.
        try sql("SELECT 1", on: path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let name = try #require(bytes.range(of: Data("\"DSCN0010.jpg\"".utf8)))
        let page = name.lowerBound / 4_096 * 4_096
        try world.overwrite([UInt8](repeating: 0x5A, count: 4_096), at: page, of: path)
        let found = try doctor(world)
        #expect(troubles(found).contains("serverDatabaseDamaged"), "\(found.findings)")
        let refused = try Program.run(["doctor", "--server", "--fix", "--data", data])
        #expect(refused.status == 3 && refused.output.contains("not done"), "\(refused.output)")
        let mended = try Program.run(["doctor", "--server", "--fix", "--yes", "--data", data])
        #expect(mended.output.contains("were taken over"), "\(mended.output)\(mended.errors)")
        try expectNoTrouble(world, "--deep")
        try house.startServer()
        try world.sync()
        try house.expectUpToDate(world.device, items: 6)
        try expectNoTrouble(world, "--deep")
        #expect(try world.lacking().isEmpty)
        house.killServer()
        let undone = try Program.run(["doctor", "undo", "--server", "--data", data])
        #expect(undone.status == 0 && undone.output.contains("is back"), "\(undone.errors)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).count == bytes.count)
    }

    @Test(.timeLimit(.minutes(5)))
    func `a disk that is not mounted costs no row`() throws {
        let world = try DoctorWorld()
        let data = world.house.folder.file("data")
        world.house.killServer()
        #expect(try shell("mv '\(data)/blobs' '\(data)/away'") == 0)
        #expect(try shell("mkdir -p '\(data)/blobs/objects'") == 0)
        let report = try scrub(world, expecting: 3)
        #expect(report.setAside == 0 && report.wanted == 0)
        #expect(report.doubt?.contains("mount their disk") == true)
        let found = try doctor(world)
        #expect(Set(troubles(found)) == ["objectsMissing", "scrubDoubtful"])
        #expect(try shell("rm -r '\(data)/blobs'") == 0)
        #expect(try troubles(doctor(world)).contains("objectStoreUnusable"))
        #expect(try shell("mv '\(data)/away' '\(data)/blobs'") == 0)
        #expect(try scrub(world, expecting: 0).setAside == 0)
        try expectNoTrouble(world, "--deep")
    }

    @Test(.timeLimit(.minutes(2)))
    func `the doctor looks only where a server is`() throws {
        let folder = try TemporaryFolder()
        let none = try Program.run(["doctor", "--server", "--data", folder.file("none")])
        #expect(none.status == 64 && none.errors.contains("No server keeps its data"))
        let both = try Program.run(["doctor", "--server", "--fix", "--data", folder.file("none")])
        #expect(both.status == 64 && both.errors.contains("No server keeps its data"))
    }
}
