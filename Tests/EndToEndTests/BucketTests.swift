import Foundation
import Records
import TestSupport
import Testing

/// A server whose blobs are in a bucket, as processes; the store fails as stores do.
@Suite(.serialized) struct BucketTests {
    private func serve(
        _ folder: TemporaryFolder, _ blobs: String?, _ environment: [String: String]
    ) throws -> Program.Result {
        try Program.run(
            ["serve", "--data", folder.file("data"), "--listen", "127.0.0.1:0"]
                + (blobs.map { ["--blobs", $0] } ?? []), environment: environment)
    }

    @Test func `a bucket that cannot be used ends the start with a sentence and an exit code`()
        throws
    {
        let folder = try TemporaryFolder()
        let store = try S3TestServer.shared()
        let good = store.environment
        let place = store.place(folder.name)
        for (blobs, change, status, help) in [
            (place, ["AWS_SECRET_ACCESS_KEY": "wrong"], 64, "AWS_SECRET_ACCESS_KEY"),
            (place, ["AWS_ACCESS_KEY_ID": "wrong"], 64, "AWS_ACCESS_KEY_ID"),
            (place, ["AWS_ACCESS_KEY_ID": ""], 64, "AWS_ACCESS_KEY_ID"),
            ("s3://not-there", [:], 64, "--blobs"),
            ("s3://", [:], 64, "s3://photos/home"),
            ("somewhere", [:], 64, "s3://photos/home"),
            (place, ["AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"], 75, "connection refused"),
        ] as [(String, [String: String], Int32, String)] {
            let result = try serve(folder, blobs, good.merging(change) { $1 })
            #expect(result.status == status, "\(change): \(result.errors)")
            #expect(result.errors.contains(help), "\(result.errors)")
            #expect(!result.errors.contains("bug in Martlet"))
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func `photos go through a bucket, and the server never looks for them elsewhere`()
        async throws
    {
        let store = try S3TestServer.shared()
        let house = try Household(inBucket: true)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", RealPhotos.folder)
        let sent = try house.martlet("camera", "sync", "--once")
        #expect(sent.status == 0, "\(sent.output)\n\(sent.errors)")
        // Thumbnails and previews are made from copies, of which none stays.
        #expect(
            try house.martlet("camera", "photos", "wait", "--rendered", "--previews").status == 0)
        #expect(Files.names(in: house.folder.file("data/temporary")).isEmpty)
        #expect(Files.names(in: house.folder.file("data/blobs")).isEmpty)
        try house.signIn("laptop")
        let received = try house.martlet("laptop", "sync", "--once")
        #expect(received.status == 0, "\(received.output)\n\(received.errors)")
        let expected = try Files.digests(in: RealPhotos.folder).filter {
            $0.value != ["README.md"]
        }
        #expect(
            Set(try Files.digests(in: house.library("laptop")).keys) == Set(expected.keys))

        house.killServer()
        let astray = try serve(house.folder, nil, store.environment)
        #expect(astray.status == 64)
        #expect(astray.errors.contains("--blobs s3://"))
        let stranger = try TemporaryFolder()
        let taken = try serve(stranger, store.place(house.folder.name), store.environment)
        #expect(taken.status == 64)
        #expect(taken.errors.contains("another server"))
        let backup = try house.onServer("backup", "--to", house.folder.file("copy"), "--same-disk")
        #expect(backup.status == 64, "\(backup.errors)")
        #expect(backup.errors.contains("--blobs s3://"), "\(backup.errors)")
        #expect(!FileManager.default.fileExists(atPath: house.folder.file("copy")))
    }

    @Test(.timeLimit(.minutes(8)))
    func `a store that fails and a server that is killed lose nothing and double nothing`()
        async throws
    {
        let store = try S3TestServer.shared()
        let house = try Household(inBucket: true)
        let name = house.folder.name
        let photos = house.folder.file("photos")
        try Files.makePhotos(150, byteCount: 40_000, in: photos)
        try Files.makePhotos(2, byteCount: 60_000_000, in: photos)
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop")
        try house.martlet("camera", "photos", "source", "add", photos)
        for fault in [
            S3Fault(.error, [name], count: 15, skip: 5, status: 503, code: "SlowDown"),
            S3Fault(.cutAfter, ["PUT", name], count: 10, skip: 10),
            S3Fault(.cutBefore, [name], count: 15, skip: 10),
            S3Fault(.truncate, ["GET", name], count: 15, skip: 5),
        ] {
            try await store.set([fault])
            let agents = [try house.startAgent("camera"), try house.startAgent("laptop")]
            try await Task.sleep(for: .seconds(3))
            house.killServer()
            agents.forEach(house.killAgent)
            // The store is as busy at the new start; it gets more tries there than these.
            try await store.set([
                S3Fault(.error, [name], count: 8, status: 503, code: "SlowDown")
            ])
            try house.startServer()
        }
        try await store.set([])
        try house.expectSynced("camera", "laptop")
        let expected = Set(try Files.digests(in: photos).keys)
        #expect(expected.count == 152)
        try house.expectLibrary("laptop", holds: expected)
    }

    @Test(.timeLimit(.minutes(5)))
    func `a device says that the store does not answer, until it does`() async throws {
        let store = try S3TestServer.shared()
        let house = try Household(inBucket: true)
        let photos = house.folder.file("photos")
        try Files.makePhotos(3, byteCount: 40_000, in: photos)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        try await store.set([
            S3Fault(.error, [house.folder.name], count: .max, status: 503, code: "SlowDown")
        ])
        let agent = try house.startAgent("camera")
        var text = ""
        for _ in 0..<120 {
            text = try house.martlet("camera", "status").output
            if text.contains("the store of its blobs does not answer") { break }
            try await Task.sleep(for: .milliseconds(500))
        }
        #expect(text.contains("the store of its blobs does not answer"), "\(text)")
        try await store.set([])
        house.killAgent(agent)
        let result = try house.martlet("camera", "sync", "--once")
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
    }
}
