import NIOCore
import Records
import Storage
import TestSupport
import Testing

/// A store that fails in every way that networks know: nothing is lost, nothing is kept twice, and
/// it heals by itself.
@Suite(.serialized) struct S3FaultTests {
    /// What is in the store, read back and hashed.
    private func digests(_ store: S3ObjectStore) async throws -> [Digest] {
        var found: [Digest] = []
        for object in try await store.list(after: nil, limit: 1_000) {
            found.append(try await store.verify(object.key).digest)
        }
        return found
    }

    private static let passing: [S3Fault.Kind] = [.error, .delay, .cutBefore, .cutAfter]

    @Test(arguments: passing, [100, 9 << 20])
    func `a blob is stored once though a request for it fails`(
        kind: S3Fault.Kind, byteCount: Int
    ) async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        let store = try openS3(folder)
        let bytes = content(byteCount)
        for method in ["PUT", "POST"] {
            try await server.set([S3Fault(kind, [method, folder.name], count: 2, seconds: 0.2)])
            let object = try await store.store(bytes)
            #expect(try await store.verify(object.key).digest == Digest(of: bytes))
            try await server.set([])
            #expect(try await digests(store) == [Digest(of: bytes)])
            try await store.remove([object.key])
        }
    }

    @Test(arguments: S3Fault.Kind.allCases)
    func `reading goes on where the connection broke`(kind: S3Fault.Kind) async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        let store = try openS3(folder)
        let bytes = content(5_000_000)
        let object = try await store.store(bytes)
        try await server.set([
            S3Fault(kind, ["GET", folder.name], count: 3, status: 503, seconds: 0.2)
        ])
        #expect(try await store.all(object.key, 0..<object.byteCount) == bytes)
        try await server.set([
            S3Fault(kind, ["GET", folder.name], count: 3, status: 503, seconds: 0.2)
        ])
        #expect(try await store.all(object.key, 7..<4_000_000) == Array(bytes[7..<4_000_000]))
        #expect(try await store.verify(object.key) == object)
        try await server.set([])
    }

    @Test(arguments: S3Fault.Kind.allCases)
    func `an upload is joined though the store fails between`(kind: S3Fault.Kind) async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        let store = try openS3(folder)
        let bytes = content(12_000_000)
        let upload = UploadID(high: 3, low: 4)
        for part in [0..<2_000_000, 2_000_000..<4_500_000, 4_500_000..<bytes.count] {
            try await server.set([
                S3Fault(kind, [folder.name], skip: 1, status: 503, seconds: 0.2)
            ])
            let writer = try await store.appendStaged(upload, at: Int64(part.lowerBound))
            try await writer.append(ByteBuffer(bytes: bytes[part]))
            #expect(try await writer.finish() == Int64(part.upperBound))
        }
        for skip in 0..<4 {
            try await server.set([
                S3Fault(kind, [folder.name], skip: skip * 2, status: 503, seconds: 0.2)
            ])
            if try await store.stagedByteCount(of: upload) == nil { break }
            let object = try await store.finishStaged(upload)
            #expect(object.digest == Digest(of: bytes))
        }
        try await server.set([])
        #expect(try await digests(store) == [Digest(of: bytes)])
        #expect(try await store.stagedUploads().isEmpty)
    }

    @Test func `a pack that cannot be stored whole is not stored at all`() async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        let store = try openS3(folder, clock: SkippingClock())
        let blobs = (1...40).map { number in
            PackedBlob(claimed: Digest(of: content(number)), bytes: content(number))
        }
        try await server.set([
            S3Fault(
                .error, ["PUT", folder.name], count: .max, skip: 20, status: 403,
                code: "AccessDenied")
        ])
        let error = await #expect(throws: StorageError.self) {
            _ = try await store.storePack(blobs)
        }
        #expect(error?.code == .objectStoreRefused)
        try await server.set([])
        #expect(try await store.list(after: nil, limit: 100).isEmpty)
        #expect(try await store.storePack(blobs).count == 40)
        #expect(try await store.list(after: nil, limit: 100).count == 40)
    }

    @Test func `pauses double up to a bound, differ, and obey the store's own wish`() async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        let clock = SkippingClock()
        let store = try openS3(folder, clock: clock)
        try await server.set([
            S3Fault(.error, ["PUT", folder.name], count: .max, status: 503, code: "SlowDown")
        ])
        let error = await #expect(throws: StorageError.self) { _ = try await store.store([1]) }
        #expect(error?.code == .objectStoreUnreachable)
        // The last ones are those of the attempt to remove what may have been stored: none failed.
        let pauses = clock.pauses
        #expect(pauses.count == Limits.s3TriesMax - 1)
        for (number, pause) in pauses.enumerated() {
            let whole = Duration.milliseconds(Limits.s3RetryMilliseconds << Int64(number))
            #expect(pause > whole * 0.45 && pause <= whole)
        }
        for (wish, obeyed) in [(7, 7), (100_000, Limits.s3RetryAfterSecondsMax)] as [(Int, Int64)] {
            let clock = SkippingClock()
            try await server.set([
                S3Fault(.error, ["PUT", folder.name], status: 503, retryAfter: wish)
            ])
            _ = try await openS3(folder, clock: clock).store([1])
            #expect(clock.pauses.count == 1)
            #expect(clock.pauses.allSatisfy { abs(($0 - .seconds(obeyed)) / .seconds(1)) < 0.1 })
        }
        try await server.set([])
    }

    @Test(arguments: [
        (
            S3Fault.Kind.error, 403, "InvalidAccessKeyId", StorageError.Code.objectStoreRefused,
            "AWS_ACCESS_KEY_ID"
        ),
        (.error, 403, "SignatureDoesNotMatch", .objectStoreRefused, "AWS_SECRET_ACCESS_KEY"),
        (.error, 403, "AccessDenied", .objectStoreRefused, "list the bucket"),
        (.error, 400, "ExpiredToken", .objectStoreRefused, "AWS_SESSION_TOKEN"),
        (.error, 403, "RequestTimeTooSkewed", .clockWrong, "clock"),
        (.error, 404, "NoSuchBucket", .bucketNotFound, "--blobs"),
        (.error, 404, "NoSuchKey", .objectNotFound, "not in"),
        (.error, 301, "PermanentRedirect", .wrongRegion, "AWS_REGION"),
        (.error, 400, "AuthorizationHeaderMalformed", .wrongRegion, "AWS_REGION"),
        (.error, 403, "QuotaExceeded", .diskFull, "quota"),
        (.error, 507, "", .diskFull, "full"),
        (.error, 416, "InvalidRange", .damaged, "ends before"),
        (.error, 418, "Teapot", .failed, "Teapot 418"),
        // A proxy's page must never look like an object that is lost.
        (.garbage, 404, "", .objectStoreUnreachable, "AWS_ENDPOINT_URL_S3"),
        (.garbage, 502, "", .objectStoreUnreachable, "HTTP 502"),
        (.garbage, 200, "", .objectStoreUnreachable, "cannot be read"),
    ])
    func `what the store says becomes a code, and a sentence that helps`(
        kind: S3Fault.Kind, status: Int, word: String, code: StorageError.Code, help: String
    ) async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        let store = try openS3(folder, clock: SkippingClock())
        try await server.set([
            S3Fault(kind, ["GET", folder.name], count: .max, status: status, code: word)
        ])
        let error = await #expect(throws: StorageError.self) {
            _ = try await store.list(after: nil, limit: 1)
        }
        try await server.set([])
        #expect(error?.code == code)
        #expect(error?.message.contains(help) == true, "\(error?.message ?? "")")
    }

    @Test func `a page of somebody else does not make an object lost`() async throws {
        let folder = try TemporaryFolder()
        let server = try S3TestServer.shared()
        let store = try openS3(folder, clock: SkippingClock())
        let object = try await store.store([1, 2])
        try await server.set([
            S3Fault(.garbage, [folder.name], count: .max, status: 404)
        ])
        for attempt in 0..<3 {
            let error = await #expect(throws: StorageError.self) {
                switch attempt {
                case 0: _ = try await store.all(object.key, 0..<1)
                case 1: _ = try await store.verify(object.key)
                default: _ = try await store.byteCount(of: object.key)
                }
            }
            #expect(error?.code == .objectStoreUnreachable)
        }
        try await server.set([])
        #expect(try await store.verify(object.key) == object)
    }

    @Test func `a store that is not there is said to be so`() async throws {
        let server = try S3TestServer.shared()
        let place = try S3Place(
            parsing: server.place("x"),
            environment: server.environment.merging(
                ["AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"]) { $1 })
        let store = S3ObjectStore(place: place, surroundings: .test())
        let error = await #expect(throws: StorageError.self) {
            try await store.prepare(server: "a")
        }
        #expect(error?.code == .objectStoreUnreachable)
        #expect(error?.message.contains("connection refused") == true)
    }
}
