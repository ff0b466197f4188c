import Foundation
import NIOCore
import Records
import Storage
import Synchronization
import TestSupport
import Testing

/// What backups need of a folder and of a bucket alike, and what only a bucket needs.
@Suite struct BackupPlaceTests {
    enum Kind: CaseIterable { case folder, bucket }

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func place(_ kind: Kind) throws -> any BackupPlace {
        switch kind {
        case .folder: BackupPlacesForTests.folder(folder.file("backup"))
        case .bucket: try BackupPlacesForTests.bucket(folder)
        }
    }

    private func taken(_ kind: Kind) async throws -> any BackupPlace {
        let place = try place(kind)
        try await place.prepare()
        #expect(try await place.take(for: "a test"))
        return place
    }

    private func content(_ byteCount: Int, _ seed: Int = 1) -> [UInt8] {
        (0..<byteCount).map { UInt8(truncatingIfNeeded: ($0 &* 31) ^ ($0 >> 8) ^ seed) }
    }

    /// A source that has these bytes, as a stream.
    private func source(_ bytes: [UInt8]) throws -> BackupBytes {
        let path = folder.file("source-\(Digest(of: bytes).text)")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return BackupBytes(
            path: nil, bytes: ObjectBytes(file: path, range: 0..<Int64(bytes.count)))
    }

    private func name(_ digest: Digest) -> String {
        "objects/\(digest.text.prefix(2))/\(digest.text)"
    }

    @Test(arguments: Kind.allCases)
    func `small files come back, are replaced, listed and removed`(kind: Kind) async throws {
        let place = try await taken(kind)
        #expect(try await place.byteCount("a") == nil)
        try await place.put([1, 2, 3], as: "list-1.txt")
        try await place.put([9], as: "manifest.json")
        try await place.put([4, 5], as: "manifest.json")
        #expect(try await place.read("manifest.json", byteCountMax: 2) == [4, 5])
        #expect(try await place.byteCount("list-1.txt") == 3)
        let found = try await place.files().filter { $0.name != "lock" }
        #expect(found.map(\.name) == ["list-1.txt", "manifest.json"])
        #expect(found.map(\.byteCount) == [3, 2])
        let digest = try await place.digest("list-1.txt")
        #expect(digest == (Digest(of: [1, 2, 3]), 3))
        var read: [UInt8] = []
        for try await step in place.bytes("list-1.txt", 1..<3) { read += step.readableBytesView }
        #expect(read == [2, 3])
        let large = await #expect(throws: StorageError.self) {
            try await place.read("list-1.txt", byteCountMax: 2)
        }
        #expect(large?.code == .damaged)
        let none = await #expect(throws: StorageError.self) {
            try await place.read("not-there", byteCountMax: 2)
        }
        #expect(none?.code == .objectNotFound)
        try await place.remove(["list-1.txt", "not-there"])
        #expect(try await place.byteCount("list-1.txt") == nil)
        await place.release()
    }

    @Test(arguments: Kind.allCases)
    func `objects get their names only with the bytes that they say, in order and by pages`(
        kind: Kind
    ) async throws {
        let place = try await taken(kind)
        let copies = try await place.copies()
        // Some of one request, and one of several parts.
        let contents = (0..<7).map { content(1_000 + $0, $0) } + [content(20_000_000)]
        for (number, bytes) in contents.enumerated() {
            let digest = Digest(of: bytes)
            let isCopied = try await copies.add(
                source(bytes), as: name(digest), number: number, digest: digest)
            #expect(isCopied)
        }
        for bytes in [content(500, 77), content(20_000_001, 78)] {
            let wrong = Digest(of: [7])
            let isCopied = try await copies.add(
                source(bytes), as: name(wrong), number: 100, digest: wrong)
            #expect(!isCopied)
        }
        try await copies.settle()
        try await copies.end()
        let expected = contents.map { name(Digest(of: $0)) }.sorted()
        var found: [BackupFile] = []
        while true {
            let page = try await place.objects(after: found.last?.name, limit: 3)
            #expect(page.count <= 3)
            if page.isEmpty { break }
            found += page
        }
        #expect(found.map(\.name) == expected)
        let large = Digest(of: contents[7])
        #expect(found.contains { $0.byteCount == 20_000_000 && $0.name == name(large) })
        #expect(try await place.digest(name(large)) == (large, 20_000_000))
        try await place.remove(expected)
        #expect(try await place.objects(after: nil, limit: 3).isEmpty)
        await place.release()
    }

    @Test(arguments: Kind.allCases)
    func `a large file is made beside, and comes back as one of this machine`(
        kind: Kind
    ) async throws {
        let place = try await taken(kind)
        let bytes = content(9_000_000)
        let path = place.workPath("database-1.sqlite")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let put = try await place.putFile(path, as: "database-1.sqlite")
        #expect(put == (Digest(of: bytes), 9_000_000))
        let copies = try FileCopies(staging: folder.file("staging"))
        let copy = try await place.stage(
            "database-1.sqlite", byteCount: 9_000_000, as: 0, for: folder.file("back"), copies)
        try copies.settle([copy.staged])
        #expect(copy.digest == Digest(of: bytes))
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("back"))) == Data(bytes))
        await place.release()
    }

    // MARK: - Who has a bucket

    /// One that waits as long as the test says, and another machine's.
    private func bucket(
        _ work: String, now: @escaping @Sendable () -> Timestamp = { TestTime.now }
    ) throws -> BucketBackupPlace {
        try BackupPlacesForTests.bucket(folder, work: work, now: now)
    }

    @Test func `of two machines one has a bucket, until it lets go`() async throws {
        let (one, other) = (try bucket("one"), try bucket("other"))
        #expect(try await one.take(for: "a backup"))
        #expect(try await !other.take(for: "a backup"))
        let error = await #expect(throws: StorageError.self) { try await other.put([1], as: "a") }
        #expect(error?.code == .busy)
        try await one.confirm()
        await one.release()
        #expect(try await other.take(for: "a backup"))
        await other.release()
        #expect(try await other.files().isEmpty)
    }

    @Test func `of many that come at once one has it`() async throws {
        for round in 0..<5 {
            let places = try (0..<6).map { try bucket("at-once-\($0)") }
            let taken = try await withThrowingTaskGroup(of: Bool.self) { group in
                for place in places { group.addTask { try await place.take(for: "a backup") } }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(taken == 1, "round \(round)")
            for place in places { await place.release() }
        }
    }

    @Test func `who was killed on this machine is not waited for`() async throws {
        do {
            let killed = try bucket("here")
            #expect(try await killed.take(for: "a backup"))
        }
        // Its process is gone, and its lock with it; on another machine nobody knows that.
        #expect(try await !bucket("elsewhere").take(for: "a backup"))
        let next = try bucket("here")
        #expect(try await next.take(for: "a backup"))
        await next.release()
    }

    @Test func `one that was not renewed is nobody's, by the store's clock`() async throws {
        let killed = try bucket("one")
        #expect(try await killed.take(for: "a backup"))
        let far = TestTime.now.adding(seconds: 90_000)
        // A machine whose clock is a day ahead does not take it for that.
        #expect(try await !bucket("ahead", now: { far }).take(for: "a backup"))
        let next = try BackupPlacesForTests.bucket(folder, work: "next", leaseSeconds: 2)
        let end = ContinuousClock.now + .seconds(20)
        var isTaken = false
        while !isTaken, ContinuousClock.now < end {
            isTaken = try await next.take(for: "a backup")
            if !isTaken { try await Task.sleep(for: .milliseconds(300)) }
        }
        #expect(isTaken)
        // It is renewed, so it stays.
        try await Task.sleep(for: .seconds(4))
        let third = try BackupPlacesForTests.bucket(folder, work: "third", leaseSeconds: 2)
        #expect(try await !third.take(for: "a backup"))
        // And whoever finds that another has it now does not write any more.
        let lost = await #expect(throws: StorageError.self) { try await killed.confirm() }
        #expect(lost?.code == .busy)
        let gone = await #expect(throws: StorageError.self) { try await killed.remove(["a"]) }
        #expect(gone?.code == .busy)
        await killed.release()
        #expect(try await next.byteCount("lock") != nil)
        await next.release()
    }

    @Test func `whoever could not renew in time does not write`() async throws {
        let time = Mutex(TestTime.now)
        let slow = try bucket("slow", now: { time.withLock(\.self) })
        #expect(try await slow.take(for: "a backup"))
        try await slow.put([1], as: "a")
        time.withLock { $0 = $0.adding(seconds: Limits.leaseSeconds - 1) }
        let late = await #expect(throws: StorageError.self) { try await slow.put([2], as: "a") }
        #expect(late?.code == .busy)
    }

    @Test(arguments: [
        S3Fault(.cutAfter, ["PUT", "/lock"], count: 1),
        S3Fault(.error, ["PUT", "/lock"], count: 2, status: 503, code: "SlowDown"),
        // A store that refuses conditions.
        S3Fault(.error, ["PUT", "/lock"], count: 2, status: 501, code: "NotImplemented"),
    ])
    func `a store that fails gives the bucket to one all the same`(fault: S3Fault) async throws {
        // This suite's own prefix: other tests run beside it.
        var fault = fault
        fault.add(folder.name)
        let server = try S3TestServer.shared()
        let one = try bucket("one")
        try await server.set([fault])
        let isTaken = try await one.take(for: "a backup")
        try await server.set([])
        #expect(isTaken)
        #expect(try await !bucket("other").take(for: "a backup"))
        await one.release()
    }

    @Test func `what a killed one has left of a large object goes with the next`() async throws {
        let server = try S3TestServer.shared()
        let killed = try bucket("here")
        #expect(try await killed.take(for: "a backup"))
        let bytes = content(30_000_000)
        try await server.set([
            S3Fault(
                .error, ["POST", folder.name, "uploadId"], count: .max, status: 403,
                code: "AccessDenied"),
            S3Fault(
                .error, ["DELETE", folder.name, "uploadId"], count: .max, status: 403,
                code: "AccessDenied"),
        ])
        let copies = try await killed.copies()
        await #expect(throws: StorageError.self) {
            _ = try await copies.add(
                source(bytes), as: name(Digest(of: bytes)), number: 0, digest: Digest(of: bytes))
        }
        try await server.set([])
        await killed.release()
        let store = S3ObjectStore(place: killed.place, surroundings: .test())
        #expect(try await store.unfinishedCount() == 1)
        let next = try bucket("here")
        #expect(try await next.take(for: "a backup"))
        #expect(try await store.unfinishedCount() == 0)
        #expect(try await next.objects(after: nil, limit: 9).isEmpty)
        await next.release()
    }

    @Test func `a bucket that cannot be used, or is a server's, is refused`() async throws {
        let server = try S3TestServer.shared()
        let own = try BlobsForTests.bucket(folder)
        try await own.prepare(server: "00ff")
        let surroundings = S3Surroundings.test()
        func error(
            _ place: String, _ change: [String: String] = [:]
        ) async throws -> StorageError? {
            await #expect(throws: StorageError.self) {
                let place = BucketBackupPlace(
                    try S3Place(
                        parsing: place,
                        environment: server.environment.merging(change) { $1 }, for: .backups),
                    work: folder.file("work"), surroundings: surroundings
                ) { _, _ in true }
                try await place.prepare()
            }
        }
        #expect(try await error(server.place(folder.name))?.code == .bucketTaken)
        #expect(try await error("s3://not-there")?.code == .bucketNotFound)
        let bad = try await error("s3://")
        #expect(bad?.code == .invalidPlace && bad?.message.contains("a folder, or s3://") == true)
        let wrong = ["AWS_SECRET_ACCESS_KEY": "wrong"]
        #expect(try await error(server.place("x"), wrong)?.code == .objectStoreRefused)
        // A key for backups alone goes before the others.
        let own2 = server.environment.reduce(into: ["AWS_ACCESS_KEY_ID": "nobody"]) {
            $0["MARTLET_BACKUP_" + $1.key] = $1.value
        }
        let place = try S3Place(
            parsing: server.place("x"), environment: own2, for: .backups)
        #expect(place.address(of: nil).hasPrefix(server.endpoint))
        try await S3ObjectStore(place: place, surroundings: surroundings).tryPlace()
    }
}
