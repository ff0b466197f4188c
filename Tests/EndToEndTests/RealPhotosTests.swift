import Foundation
import Records
import TestSupport
import Testing

/// Two devices and a server, as processes, over every real camera file.
@Suite(.serialized) struct RealPhotosTests {
    /// What Martlet takes: everything but the folder's own README.
    private func expected() throws -> Set<Digest> {
        Set(try Files.digests(in: RealPhotos.folder).filter { $0.value != ["README.md"] }.keys)
    }

    @Test(.timeLimit(.minutes(5)))
    func `every photo crosses to a second device, byte for byte, and the source stays as it was`()
        async throws
    {
        let before = try Files.inventory(of: RealPhotos.folder)
        let house = try Household()
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", RealPhotos.folder)
        let sent = try house.martlet("camera", "sync", "--once")
        #expect(sent.status == 0, "\(sent.output)\n\(sent.errors)")

        try house.signIn("laptop")
        let received = try house.martlet("laptop", "sync", "--once")
        #expect(received.status == 0, "\(received.output)\n\(received.errors)")
        let arrived = try Files.digests(in: house.library("laptop"))
        #expect(Set(arrived.keys) == (try expected()))
        #expect(arrived.values.allSatisfy { $0.count == 1 }, "one place for each asset")
        #expect(try Files.inventory(of: RealPhotos.folder) == before)

        // A sync with nothing to do: at most two requests, on either device. While the server makes
        // thumbnails and previews there is something to do: their records are news.
        #expect(
            try house.martlet("camera", "photos", "wait", "--rendered", "--previews").status == 0)
        for device in ["camera", "laptop"] {
            #expect(try house.martlet(device, "sync", "--once").status == 0)
            let count = try await house.requestCount()
            #expect(try house.martlet(device, "sync", "--once").status == 0)
            let requests = try await house.requestCount() - count
            #expect(requests <= 2, "\(device) sent \(requests)")
        }

        try checkList(house.martlet("laptop", "photos", "list", "--json"), expected: expected())
        try checkStatus(house.martlet("laptop", "status", "--json"), items: expected().count)
    }

    private func checkList(_ result: Program.Result, expected: Set<Digest>) throws {
        let list = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
        #expect(Set(list.compactMap { ($0["digest"] as? String) }) == Set(expected.map(\.text)))
        let keys = Set([
            "id", "name", "path", "preview", "kind", "takenAt", "width", "height", "duration",
            "latitude",
            "longitude", "cameraMake", "cameraModel", "favorite", "hidden", "trashedAt", "albums",
            "digest", "state",
        ])
        for item in list { #expect(Set(item.keys) == keys) }
    }

    private func checkStatus(_ result: Program.Result, items: Int) throws {
        let status = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        let counts = try #require(status["counts"] as? [String: Int])
        #expect(status["state"] as? String == "upToDate")
        #expect(counts["items"] == items)
        #expect(counts["inSync"] == items)
        #expect(counts.filter { $0.key != "items" }.values.reduce(0, +) == items)
    }
}
