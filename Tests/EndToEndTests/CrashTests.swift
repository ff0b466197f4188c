import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// kill -9 in the middle, of either side; then everything is equal and nothing is there twice.
@Suite(.serialized) struct CrashTests {
    @Test(.timeLimit(.minutes(5)))
    func `server and devices killed again and again lose nothing and double nothing`() throws {
        let house = try Household()
        let photos = house.folder.file("photos")
        try Files.makePhotos(1500, byteCount: 40_000, in: photos)
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
        try house.expectSynced("camera", "laptop")
        let expected = Set(try Files.digests(in: photos).keys)
        #expect(expected.count == 1500)
        try house.expectLibrary("laptop", holds: expected)
    }
}
