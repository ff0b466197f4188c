import NIOCore
import Records
import Storage
import TestSupport
import Testing

@Suite(.serialized) struct S3ObjectStoreTests {
    @Test func `a bucket has one server, which comes back to it`() async throws {
        let folder = try TemporaryFolder()
        let store = try openS3(folder)
        try await store.prepare(server: "first")
        try await openS3(folder).prepare(server: "first")
        let error = await #expect(throws: StorageError.self) {
            try await store.prepare(server: "second")
        }
        #expect(error?.code == .bucketTaken)
        #expect(error?.message.contains(folder.name) == true)
        #expect(try await store.list(after: nil, limit: 10).isEmpty)
    }

    @Test func `wrong keys and buckets end the start with a word about which`() async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        for (change, code, help) in [
            (["AWS_SECRET_ACCESS_KEY": "wrong"], StorageError.Code.objectStoreRefused, "SECRET"),
            (["AWS_ACCESS_KEY_ID": "nobody"], .objectStoreRefused, "AWS_ACCESS_KEY_ID"),
        ] {
            let place = try S3Place(
                parsing: server.place(folder.name),
                environment: server.environment.merging(change) { $1 })
            let error = await #expect(throws: StorageError.self) {
                try await S3ObjectStore(place: place, surroundings: .test()).prepare(server: "a")
            }
            #expect(error?.code == code)
            #expect(error?.message.contains(help) == true)
        }
        let place = try S3Place(parsing: "s3://nowhere", environment: server.environment)
        let error = await #expect(throws: StorageError.self) {
            try await S3ObjectStore(place: place, surroundings: .test()).prepare(server: "a")
        }
        #expect(error?.code == .bucketNotFound)
    }

    @Test(.disabled(if: S3TestServer.isSwift, "OpenStack Swift tells the true time"))
    func `what a crash left of a blob on its way is ended after two days`() async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        let place = try S3Place(
            parsing: server.place(folder.name), environment: server.environment)
        // The store for tests says of every upload that it was begun at this moment of 2010.
        let begun = Timestamp(milliseconds: 1_289_422_113_000)
        func store(secondsLater: Int64) -> S3ObjectStore {
            S3ObjectStore(
                place: place,
                surroundings: S3Surroundings(
                    now: { begun.adding(seconds: secondsLater) }, clock: ContinuousClock(),
                    randomNumber: { UInt64.random(in: 0 ... .max) }))
        }
        let early = store(secondsLater: Limits.s3UnfinishedSecondsMax - 5)
        let writer = try await early.makeWriter()
        try await writer.append(ByteBuffer(bytes: content(9 << 20)))
        try await early.prepare(server: "a")
        #expect(try await early.unfinishedCount() == 1)
        let late = store(secondsLater: Limits.s3UnfinishedSecondsMax + 5)
        try await late.prepare(server: "a")
        #expect(try await late.unfinishedCount() == 0)
        await writer.discard()
    }

    @Test func `a blob that is given up leaves nothing`() async throws {
        let folder = try TemporaryFolder()
        let store = try openS3(folder)
        for byteCount in [10, 9 << 20] {
            let writer = try await store.makeWriter()
            try await writer.append(ByteBuffer(bytes: content(byteCount)))
            await writer.discard()
            #expect(try await store.unfinishedCount() == 0)
            #expect(try await store.list(after: nil, limit: 1).isEmpty)
        }
    }

    @Test func `what is not Martlet's in the bucket is never listed`() async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        // Somebody keeps a folder of their own below the objects.
        let inner = S3ObjectStore(
            place: try S3Place(
                parsing: server.place("\(folder.name)/objects"),
                environment: server.environment),
            surroundings: .test())
        _ = try await inner.store([1])
        let store = try openS3(folder)
        let object = try await store.store([2])
        #expect(try await store.list(after: nil, limit: 10).map(\.key) == [object.key])
    }

    @Test(.disabled(if: S3TestServer.isSwift, "a thousand objects take it most of a minute"))
    func `more objects than one request takes are listed and removed`() async throws {
        let folder = try TemporaryFolder()
        let store = try openS3(folder)
        let blobs = (0..<1_003).map { number in
            let bytes = Array("\(number)".utf8)
            return PackedBlob(claimed: Digest(of: bytes), bytes: bytes)
        }
        _ = try await store.storePack(blobs)
        let listed = try await store.list(after: nil, limit: 2_000)
        #expect(listed.count == 1_003)
        #expect(try await store.list(after: listed[999].key, limit: 2_000).count == 3)
        try await store.remove(listed.map(\.key))
        #expect(try await store.list(after: nil, limit: 2_000).isEmpty)
    }

    /// One process begins and is gone; another, which shares nothing with it but the bucket, is
    /// asked for the rest.
    @Test(arguments: [1_000_000, 6 << 20, 15 << 20])
    func `an upload goes on at another server`(partByteCount: Int) async throws {
        let folder = try TemporaryFolder()
        let bytes = content(23_000_001)
        let upload = UploadID(high: 8, low: 9)
        var offset = 0
        while offset < bytes.count {
            let store = try openS3(folder)
            #expect(try await store.stagedByteCount(of: upload) ?? 0 == Int64(offset))
            let end = min(offset + partByteCount, bytes.count)
            let writer = try await store.appendStaged(upload, at: Int64(offset))
            try await writer.append(ByteBuffer(bytes: bytes[offset..<end]))
            #expect(try await writer.finish() == Int64(end))
            offset = end
        }
        let object = try await openS3(folder).finishStaged(upload)
        #expect(object.digest == Digest(of: bytes) && object.byteCount == Int64(bytes.count))
        #expect(try await openS3(folder).list(after: nil, limit: 10).map(\.key) == [object.key])
        #expect(try await openS3(folder).stagedUploads().isEmpty)
    }

    @Test func `an upload of nothing is an object of nothing`() async throws {
        let folder = try TemporaryFolder()
        let store = try openS3(folder)
        let upload = UploadID(high: 1, low: 1)
        #expect(try await store.appendStaged(upload, at: 0).finish() == 0)
        #expect(try await store.stagedByteCount(of: upload) == 0)
        #expect(try await store.finishStaged(upload).byteCount == 0)
    }

    @Test func `parts have sizes of which the largest blob needs few enough`() {
        let first = Int64(Limits.s3PartsOfFirstSize) * Int64(Limits.s3PartByteCount)
        let later =
            Int64(Limits.s3PartsMax - Limits.s3PartsOfFirstSize)
            * Int64(Limits.s3LaterPartByteCount)
        #expect(first + later >= Limits.blobByteCountMax)
    }
}
