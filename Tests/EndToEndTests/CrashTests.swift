import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// kill -9 in the middle, of either side; then everything is equal and nothing is there twice.
@Suite(.serialized) struct CrashTests {
    private func makePhotos(_ count: Int, in folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        for index in 0..<count {
            var bytes = Data([0xff, 0xd8, 0xff, 0xe0])
            bytes.append(
                Data(
                    (0..<40_000).map {
                        UInt8(truncatingIfNeeded: ($0 &* 31) ^ (index &* 7) ^ ($0 >> 8))
                    }))
            withUnsafeBytes(of: index) { bytes.append(contentsOf: $0) }
            try bytes.write(to: URL(fileURLWithPath: "\(folder)/IMG_\(index).jpg"))
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `server and devices killed again and again lose nothing and double nothing`() throws {
        let house = try Household()
        let photos = house.folder.file("photos")
        try makePhotos(1500, in: photos)
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop")
        try house.martlet("camera", "photos", "source", "add", photos)

        for pause in [150_000, 300_000, 450_000, 700_000] {
            let agents = [try house.startAgent("camera"), try house.startAgent("laptop")]
            usleep(UInt32(pause))
            if pause % 200_000 != 0 { house.killServer() }
            for agent in agents {
                kill(agent.processIdentifier, SIGKILL)
                agent.waitUntilExit()
            }
            if house.server == nil { try house.startServer() }
        }
        for device in ["camera", "laptop"] {
            let result = try house.martlet(device, "sync", "--once")
            #expect(result.status == 0, "\(device): \(result.output)\n\(result.errors)")
        }
        let expected = try Files.digests(in: photos)
        let arrived = try Files.digests(in: house.library("laptop"))
        #expect(expected.count == 1500)
        #expect(Set(arrived.keys) == Set(expected.keys))
        #expect(arrived.values.allSatisfy { $0.count == 1 })
        let incoming = house.library("laptop") + "/.martlet/incoming"
        let left = (try? FileManager.default.contentsOfDirectory(atPath: incoming)) ?? []
        #expect(left.isEmpty, "temporary files stay behind: \(left.prefix(3))")
    }
}
