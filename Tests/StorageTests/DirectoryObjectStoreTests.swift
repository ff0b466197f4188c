import NIOCore
import Records
import Storage
import TestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
#if canImport(Glibc)
import Glibc
#endif

@Suite struct DirectoryObjectStoreTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func names(_ path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.file(path)).sorted()
    }

    @Test func `an object is a plain whole file that names its digest`() async throws {
        let store = try openDirectory(folder)
        let bytes = content(1_000)
        let object = try await store.store(bytes)
        let path = try #require(store.localPath(of: object.key))
        #expect(path.contains("/objects/00000/\(object.digest.text)-"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data(bytes))
    }

    @Test func `what was on its way in when the process died is swept`() async throws {
        var store: DirectoryObjectStore? = try openDirectory(folder)
        let writer = try await store?.makeWriter()
        try await writer?.append(ByteBuffer(bytes: [1, 2, 3]))
        let kept = try await store?.appendStaged(UploadID(high: 1, low: 1), at: 0)
        _ = try await kept?.finish()
        #expect(try names("data/staging").count == 2)
        store = try openDirectory(folder)
        #expect(try names("data/staging") == [UploadID(high: 1, low: 1).text + ".part"])
        #expect(try await store?.list(after: nil, limit: 10) == [])
    }

    @Test func `an upload that is given up leaves nothing`() async throws {
        let store = try openDirectory(folder)
        do {
            let writer = try await store.makeWriter()
            try await writer.append(ByteBuffer(bytes: [1, 2, 3]))
            await writer.discard()
        }
        do {
            let forgotten = try await store.makeWriter()
            try await forgotten.append(ByteBuffer(bytes: [1, 2, 3]))
        }
        _ = try await store.store([1])
        #expect(try await eventually { try names("data/staging").isEmpty })
    }

    @Test func `folders are filled in turn, also over a restart`() async throws {
        let blobs = (0..<Limits.objectsPerFolder - 1).map { number in
            let bytes = [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)]
            return PackedBlob(claimed: Digest(of: bytes), bytes: bytes)
        }
        _ = try await openDirectory(folder).storePack(blobs)
        let store = try openDirectory(folder)
        _ = try await store.store([7])
        #expect(try names("data/objects") == ["00000"])
        _ = try await store.store([8])
        #expect(try names("data/objects") == ["00000", "00001"])
        #expect(try names("data/objects/00000").count == Limits.objectsPerFolder)
    }

    @Test func `a bit that flipped on the medium is found by reading back`() async throws {
        let store = try openDirectory(folder)
        let object = try await store.store(content(100_000))
        let path = try #require(store.localPath(of: object.key))
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[77_777] ^= 4
        try bytes.write(to: URL(fileURLWithPath: path))
        let found = try await store.verify(object.key)
        #expect(found.digest != object.digest)
        #expect(found.byteCount == object.byteCount)
    }

    @Test(arguments: [0, 1, 4_095, 4_096, 4_097, 1 << 20, (1 << 20) + 1])
    func `reading back past the cache fits every size`(byteCount: Int) async throws {
        let store = try openDirectory(folder)
        let object = try await store.store(content(byteCount))
        #expect(try await store.verify(object.key) == object)
    }

    @Test func `an object that was cut short is damaged, not short`() async throws {
        let store = try openDirectory(folder)
        let object = try await store.store(content(1_000))
        let path = try #require(store.localPath(of: object.key))
        try Data(content(999)).write(to: URL(fileURLWithPath: path))
        let error = await #expect(throws: StorageError.self) {
            _ = try await store.all(object.key, 0..<1_000)
        }
        #expect(error?.code == .damaged)
    }

    @Test(arguments: [
        (ENOSPC, StorageError.Code.diskFull), (EDQUOT, .diskFull), (ENOENT, .objectNotFound),
        (EROFS, .readOnly), (EACCES, .readOnly), (EIO, .inputOutput),
    ])
    func `what the system says becomes a code`(number: Int32, code: StorageError.Code) {
        #expect(StorageError(errno: number, doing: "write", "x").code == code)
    }

    #if os(Linux)
    @Test(.enabled(if: geteuid() == 0, "mounting a small disk needs root"))
    func `a full disk is said, and what did not fit leaves nothing`() async throws {
        let disk = folder.file("disk")
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        guard mount("tmpfs", disk, "tmpfs", 0, "size=2m") == 0 else { return }
        defer { umount(disk) }
        let store = try DirectoryObjectStore(
            path: disk, randomNumber: { UInt64.random(in: 0 ... .max) })
        let kept = try await store.store(content(500_000))

        let writer = try await store.makeWriter()
        let full = await #expect(throws: StorageError.self) {
            for _ in 0..<3 { try await writer.append(ByteBuffer(bytes: content(1 << 20))) }
        }
        #expect(full?.code == .diskFull)
        await writer.discard()
        #expect(
            try await eventually {
                try FileManager.default.contentsOfDirectory(atPath: disk + "/staging").isEmpty
            })

        let blobs = (0..<20).map { number in
            let bytes = content(200_000, seed: UInt8(number))
            return PackedBlob(claimed: Digest(of: bytes), bytes: bytes)
        }
        let packError = await #expect(throws: StorageError.self) {
            _ = try await store.storePack(blobs)
        }
        #expect(packError?.code == .diskFull)
        #expect(try await store.list(after: nil, limit: 10).map(\.key) == [kept.key])
        #expect(try await store.verify(kept.key) == kept)
    }
    #endif

    /// What another thread does soon.
    private func eventually(_ condition: () throws -> Bool) async throws -> Bool {
        for _ in 0..<200 {
            if try condition() { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return false
    }
}
