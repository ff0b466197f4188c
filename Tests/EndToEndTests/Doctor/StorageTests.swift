import Foundation
import TestSupport
import Testing

/// `martlet storage` counts what the disk holds.
@Suite(.serialized) struct StorageTests {
    private struct Shown: Decodable {
        struct Part: Decodable {
            let name: String
            let files: Int
            let bytes: Int64
        }
        struct Leaving: Decodable {
            let files: Int
            let bytes: Int64
            let unprovenFiles: Int
            let unprovenBytes: Int64
        }
        struct Account: Decodable {
            let usedBytes: Int64
            let quotaBytes: Int64?
        }
        struct Large: Decodable {
            let path: String
            let bytes: Int64
        }

        let parts: [Part]
        let canLeave: Leaving
        let largest: [Large]
        let account: Account?
    }

    @Test(.timeLimit(.minutes(2)))
    func `every byte of the library is told, and what of it can leave`() throws {
        let world = try DoctorWorld()
        try world.house.setQuota("50MB")
        try world.write("not a picture", to: world.library + "/notes.txt")
        try world.write("left", to: world.library + "/.martlet/trash/0000-a")
        try world.house.martlet(world.device, "sync", "--once")
        func shown() throws -> Shown {
            let result = try world.house.martlet(world.device, "storage", "--json")
            #expect(result.status == 0, "\(result.errors)")
            return try JSONDecoder().decode(Shown.self, from: Data(result.output.utf8))
        }
        let sizes = try DoctorWorld.names.map { name in
            Int64(try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path(name))).count)
        }
        let before = try shown()
        func part(_ name: String) -> Shown.Part? { before.parts.first { $0.name == name } }
        #expect(part("originals")?.files == 6)
        #expect(part("originals")?.bytes == sizes.reduce(0, +))
        #expect(part("onlyHere")?.files == 1 && part("onlyHere")?.bytes == 13)
        #expect(part("trash")?.files == 1 && part("trash")?.bytes == 4)
        #expect(before.largest.first?.bytes == sizes.max() && before.largest.count == 7)
        #expect(before.canLeave.unprovenFiles == 6 && before.canLeave.files == 0)
        #expect(before.account?.usedBytes == sizes.reduce(0, +))
        #expect(before.account?.quotaBytes == 50_000_000)

        // A deep look asks for proof, and keeps it.
        _ = try world.house.doctor(world.device, "--deep")
        let after = try shown()
        #expect(after.canLeave.files == 6 && after.canLeave.unprovenFiles == 0)
        let text = try world.house.martlet(world.device, "storage")
        #expect(text.output.contains("Can leave safely:"))
    }
}
