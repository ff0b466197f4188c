import Library
import Simulation
import Testing

/// What a power cut leaves, in every way that chance can decide it.
struct SimulatedDiskTests {
    private let path = RelativePath("a.jpg")
    private let moved = RelativePath("b.jpg")
    private let content = Content(id: 7, byteCount: 100_000)

    /// Does something on a disk, cuts its power, and says what is seen then, over many chances.
    private func outcomes(
        _ profile: SimulatedDisk.Journal, _ action: (SimulatedDisk) throws -> Void,
        look: (SimulatedDisk) -> String
    ) throws -> Set<String> {
        var seen: Set<String> = []
        for seed in 0..<200 as Range<UInt64> {
            let disk = SimulatedDisk(profile: .init(profile))
            try action(disk)
            var random = RandomStream(seed: seed)
            disk.cutPower(&random)
            seen.insert(look(disk))
        }
        return seen
    }

    private func state(_ disk: SimulatedDisk, _ path: RelativePath) -> String {
        guard let node = disk.node(at: path) else { return "gone" }
        let now = disk.nodes[node].content
        if now == content { return "whole" }
        if now.byteCount == 0 { return "empty" }
        return now.damage == 0 ? "torn" : "damaged"
    }

    @Test(arguments: SimulatedDisk.Journal.allCases)
    func `an unsynced file can be anything`(profile: SimulatedDisk.Journal) throws {
        let seen = try outcomes(profile) {
            try $0.create(path, content: content, by: .user, time: 1)
        } look: {
            state($0, path)
        }
        #expect(seen == ["gone", "whole", "empty", "torn", "damaged"])
    }

    @Test(arguments: SimulatedDisk.Journal.allCases)
    func `fsync of a file keeps its bytes but not its name`(
        profile: SimulatedDisk.Journal
    ) throws {
        let seen = try outcomes(profile) {
            $0.sync(file: try $0.create(path, content: content, by: .user, time: 1))
        } look: {
            state($0, path)
        }
        #expect(seen == ["gone", "whole"])
    }

    @Test(arguments: SimulatedDisk.Journal.allCases)
    func `with its folder synced too it stays`(profile: SimulatedDisk.Journal) throws {
        let seen = try outcomes(profile) {
            $0.sync(file: try $0.create(path, content: content, by: .user, time: 1))
            $0.sync(folder: SimulatedDisk.rootNode)
        } look: {
            state($0, path)
        }
        #expect(seen == ["whole"])
    }

    @Test(arguments: SimulatedDisk.Journal.allCases)
    func `a rename is lost unless its folder is synced`(profile: SimulatedDisk.Journal) throws {
        let seen = try outcomes(profile) {
            try $0.create(path, content: content, by: .user, time: 1)
            $0.syncAll()
            try $0.rename(path, to: moved, time: 2)
        } look: {
            "\(state($0, path)) \(state($0, moved))"
        }
        // A journal keeps both halves of a rename or none.
        let both: Set = ["whole gone", "gone whole"]
        #expect(seen == (profile == .ordered ? both : both.union(["whole whole", "gone gone"])))
    }

    @Test(arguments: SimulatedDisk.Journal.allCases)
    func `a sync that failed has lost the pages for good`(
        profile: SimulatedDisk.Journal
    ) throws {
        let disk = SimulatedDisk(profile: .init(profile))
        try disk.create(path, content: content, by: .user, time: 1)
        disk.failSync()
        disk.syncAll()
        #expect(state(disk, path) == "whole")
        #expect(!disk.isDurable(path))
        var random = RandomStream(seed: 1)
        disk.cutPower(&random)
        #expect(state(disk, path) != "whole")
    }

    @Test func `a full disk takes nothing, a missing one shows nothing`() throws {
        let disk = SimulatedDisk(profile: .init(.ordered))
        try disk.create(path, content: content, by: .user, time: 1)
        disk.isFull = true
        #expect(throws: (any Error).self) { try disk.create(moved, by: .user, time: 2) }
        disk.isMissing = true
        #expect(disk.node(at: path) == nil)
        #expect(disk.files().isEmpty)
    }
}
