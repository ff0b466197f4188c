import NIOCore
import Records
import Storage
import TestSupport
import Testing

/// Every implementation of `ObjectStore`; when it is a store's turn, that alone.
enum ObjectStoreKind: CaseIterable, Sendable {
    case directory, s3

    static let allCases: [ObjectStoreKind] = S3TestServer.isSwift ? [.s3] : [.directory, .s3]

    func open(_ folder: TemporaryFolder) throws -> any ObjectStore {
        switch self {
        case .directory: try openDirectory(folder)
        case .s3: try openS3(folder)
        }
    }
}

func openDirectory(_ folder: TemporaryFolder) throws -> DirectoryObjectStore {
    try DirectoryObjectStore(
        path: folder.file("data"), randomNumber: { UInt64.random(in: 0 ... .max) })
}

func content(_ byteCount: Int, seed: UInt8 = 1) -> [UInt8] {
    (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(seed) &+ $0 >> 8) }
}

extension ObjectStore {
    func all(_ key: ObjectKey, _ range: Range<Int64>) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await piece in read(key, range) { bytes += piece.readableBytesView }
        return bytes
    }

    func store(_ bytes: [UInt8]) async throws -> StoredObject {
        let writer = try await makeWriter()
        try await writer.append(ByteBuffer(bytes: bytes))
        return try await writer.finish()
    }
}

@Suite struct ObjectStoreConformanceTests {
    /// Sizes around the point from which a directory store leaves the page cache out.
    @Test(arguments: ObjectStoreKind.allCases, [-1, 0, 1, 4_095, 3 << 20, (3 << 20) + 77])
    func `a large blob comes back as it was sent, however it came`(
        kind: ObjectStoreKind, beyond: Int
    ) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        let bytes = content(Int(Limits.cachedObjectByteCount) + beyond)
        for step in [(1 << 20) + 65_537, bytes.count] {
            let writer = try await store.makeWriter()
            for start in stride(from: 0, to: bytes.count, by: step) {
                let piece = bytes[start..<min(start + step, bytes.count)]
                try await writer.append(ByteBuffer(bytes: piece))
            }
            let object = try await writer.finish()
            #expect(object.digest == Digest(of: bytes))
            #expect(object.byteCount == Int64(bytes.count))
            #expect(try await store.verify(object.key) == object)
        }
    }

    @Test(arguments: ObjectStoreKind.allCases, [1, 4_096, 1_500_001])
    func `an upload in parts comes out whole, wherever a part ended`(
        kind: ObjectStoreKind, first: Int
    ) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        let bytes = content(4_000_003)
        let upload = UploadID(high: 1, low: 2)
        for part in [0..<first, first..<2_600_000, 2_600_000..<bytes.count] {
            let writer = try await store.appendStaged(upload, at: Int64(part.lowerBound))
            try await writer.append(ByteBuffer(bytes: bytes[part]))
            #expect(try await writer.finish() == Int64(part.upperBound))
        }
        #expect(try await store.finishStaged(upload).digest == Digest(of: bytes))
    }

    @Test(arguments: ObjectStoreKind.allCases)
    func `a blob comes back as it was sent, in pieces and in ranges`(
        kind: ObjectStoreKind
    ) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        let bytes = content(Limits.streamStepByteCount * 2 + 77)
        let writer = try await store.makeWriter()
        for piece in [0..<10, 10..<1_000_000, 1_000_000..<bytes.count] {
            try await writer.append(ByteBuffer(bytes: bytes[piece]))
        }
        let object = try await writer.finish()
        #expect(object.digest == Digest(of: bytes))
        #expect(object.byteCount == Int64(bytes.count))
        #expect(try await store.byteCount(of: object.key) == object.byteCount)
        #expect(try await store.all(object.key, 0..<object.byteCount) == bytes)
        #expect(try await store.all(object.key, 5..<9) == Array(bytes[5..<9]))
        #expect(try await store.all(object.key, 7..<7).isEmpty)
        #expect(try await store.verify(object.key) == object)
    }

    @Test(arguments: ObjectStoreKind.allCases)
    func `the same bytes sent twice are two objects`(kind: ObjectStoreKind) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        let (first, second) = (
            try await store.store([1, 2, 3]), try await store.store([1, 2, 3])
        )
        #expect(first.key != second.key)
        try await store.remove([first.key])
        #expect(try await store.all(second.key, 0..<3) == [1, 2, 3])
    }

    @Test(arguments: ObjectStoreKind.allCases)
    func `bytes that are not what their digest says are not kept`(
        kind: ObjectStoreKind
    ) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        let writer = try await store.makeWriter()
        try await writer.append(ByteBuffer(bytes: [1]))
        let result = try await writer.finish(expecting: Digest(of: [2 as UInt8]))
        #expect(result == .digestMismatch(actual: Digest(of: [1 as UInt8])))
        #expect(try await store.list(after: nil, limit: 10).isEmpty)
    }

    @Test(arguments: ObjectStoreKind.allCases, [1, 4, 5, 300])
    func `of a pack every good blob is kept and every bad one is named`(
        kind: ObjectStoreKind, count: Int
    ) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        let blobs = (0..<count).map { number in
            let bytes = content(number * 100 + 1, seed: UInt8(truncatingIfNeeded: number))
            let claimed = number % 5 == 3 ? Digest(of: [9 as UInt8]) : Digest(of: bytes)
            return PackedBlob(claimed: claimed, bytes: bytes)
        }
        let results = try await store.storePack(blobs)
        #expect(results.count == count)
        for (blob, result) in zip(blobs, results) {
            switch result {
            case .stored(let object):
                #expect(object.digest == blob.claimed)
                #expect(try await store.all(object.key, 0..<object.byteCount) == blob.bytes)
            case .digestMismatch(let actual):
                #expect(actual == Digest(of: blob.bytes) && actual != blob.claimed)
            }
        }
        let good = blobs.filter { $0.claimed == Digest(of: $0.bytes) }.count
        #expect(try await store.list(after: nil, limit: 1_000).count == good)
    }

    @Test(arguments: ObjectStoreKind.allCases)
    func `an empty pack is nothing`(kind: ObjectStoreKind) async throws {
        let folder = try TemporaryFolder()
        #expect(try await kind.open(folder).storePack([]).isEmpty)
    }

    @Test(arguments: ObjectStoreKind.allCases)
    func `an upload goes on where it stopped, over a restart`(
        kind: ObjectStoreKind
    ) async throws {
        let folder = try TemporaryFolder()
        let upload = UploadID(high: 1, low: 2)
        let bytes = content(3_000_000)
        let store = try kind.open(folder)
        #expect(try await store.stagedByteCount(of: upload) == nil)
        let first = try await store.appendStaged(upload, at: 0)
        try await first.append(ByteBuffer(bytes: bytes[..<2_000_000]))
        #expect(try await first.finish() == 2_000_000)

        let again = try kind.open(folder)
        #expect(try await again.stagedByteCount(of: upload) == 2_000_000)
        #expect(try await again.stagedUploads() == [upload])
        // The reply was lost and the client repeats a part.
        let second = try await again.appendStaged(upload, at: 1_500_000)
        try await second.append(ByteBuffer(bytes: bytes[1_500_000...]))
        #expect(try await second.finish() == 3_000_000)
        let object = try await again.finishStaged(upload)
        #expect(object.digest == Digest(of: bytes))
        #expect(try await again.all(object.key, 0..<object.byteCount) == bytes)
        #expect(try await again.stagedByteCount(of: upload) == nil)
    }

    @Test(arguments: ObjectStoreKind.allCases)
    func `an upload cannot go on behind its end`(kind: ObjectStoreKind) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        let upload = UploadID(high: 1, low: 2)
        let writer = try await store.appendStaged(upload, at: 0)
        try await writer.append(ByteBuffer(bytes: [1, 2, 3]))
        _ = try await writer.finish()
        let error = await #expect(throws: StorageError.self) {
            _ = try await store.appendStaged(upload, at: 4)
        }
        #expect(error?.code == .offsetMismatch)
        try await store.discardStaged(upload)
        let missing = await #expect(throws: StorageError.self) {
            _ = try await store.finishStaged(upload)
        }
        #expect(missing?.code == .objectNotFound)
    }

    @Test(arguments: ObjectStoreKind.allCases)
    func `objects are listed in order and in pages`(kind: ObjectStoreKind) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        var keys: [ObjectKey] = []
        for number in 0..<7 { keys.append(try await store.store(content(number + 1)).key) }
        var found: [ObjectKey] = []
        while true {
            let page = try await store.list(after: found.last, limit: 3)
            found += page.map(\.key)
            if page.count < 3 { break }
        }
        #expect(found == keys.sorted())
    }

    @Test(arguments: ObjectStoreKind.allCases)
    func `removing twice is removing once, and what is gone is said`(
        kind: ObjectStoreKind
    ) async throws {
        let folder = try TemporaryFolder()
        let store = try kind.open(folder)
        let object = try await store.store([1])
        try await store.remove([object.key])
        try await store.remove([object.key])
        for attempt in 0..<3 {
            let error = await #expect(throws: StorageError.self) {
                switch attempt {
                case 0: _ = try await store.all(object.key, 0..<1)
                case 1: _ = try await store.verify(object.key)
                default: _ = try await store.byteCount(of: object.key)
                }
            }
            #expect(error?.code == .objectNotFound)
        }
    }
}
