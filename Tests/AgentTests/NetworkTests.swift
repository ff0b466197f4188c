import Agent
import Library
import NIOCore
import Records
import SyncEngine
import TestSupport
import Testing
import Wire

@Suite struct NetworkTests {
    @Test(arguments: [
        (401, "signInNeeded", RequestFailure.signInNeeded),
        (410, "changeTokenExpired", .changeTokenExpired),
        (404, "blobNotFound", .notFound),
        (413, "overQuota", .accountFull),
        (413, "stagedFull", .accountFull),
        (413, "packTooLarge", .refused(code: "packTooLarge", message: "Do it otherwise.")),
        (426, "versionTooOld", .versionTooOld("Do it otherwise.")),
        (429, "tooManySignIns", .retryLater(code: "tooManySignIns", seconds: 7)),
        (503, "busy", .retryLater(code: "busy", seconds: 7)),
        (500, "internalError", .retryLater(code: "internalError", seconds: 7)),
        (507, "serverStorageFull", .serverStorageFull),
        (400, "invalidJSON", .refused(code: "invalidJSON", message: "Do it otherwise.")),
        (504, "x", .timedOut),
    ])
    func `a refusal says what to do next`(status: Int, code: String, expected: RequestFailure) {
        let failure = RequestFailure(
            status: status, error: ErrorReply(code: code, message: "Do it otherwise."),
            retryAfterSeconds: 7)
        #expect(failure == expected)
    }

    @Test func `an answer that is not the API's is another program's`() {
        for status in [301, 404, 403] {
            guard
                case .unreachable = RequestFailure(
                    status: status, error: nil, retryAfterSeconds: nil)
            else {
                Issue.record("HTTP \(status) of a stranger was believed.")
                return
            }
        }
    }

    @Test(arguments: [
        ("https://a.example/", "https://a.example"), ("a.example:99/m", "https://a.example:99/m"),
        ("localhost:8250", "http://localhost:8250"), ("127.0.0.1:1", "http://127.0.0.1:1"),
    ])
    func `an address is completed`(text: String, expected: String) throws {
        #expect(try ServerAddress(parsing: text).text == expected)
    }

    @Test(arguments: ["", "ftp://a", "https://", "https://a?b", "https://u:p@a", "a b"])
    func `what is no address is refused`(text: String) {
        #expect(throws: AgentError.self) { try ServerAddress(parsing: text) }
    }

    @Test func `a pack holds whole files, and zeros for one that changed`() async throws {
        let folder = try TemporaryFolder()
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: folder.path)])
        var files: [FileToSend] = []
        for (name, byteCount) in [("a.jpg", 700_000), ("b.jpg", 600_000), ("c.jpg", 1 << 20)] {
            let bytes = [UInt8](repeating: UInt8(byteCount & 0xFF) | 1, count: byteCount)
            try folder.write(name, bytes)
            files.append(
                FileToSend(
                    place: place(name), stamp: try disk.stamp(place(name)),
                    digest: Digest(of: bytes)))
        }
        try folder.write("b.jpg", [1])
        let pool = WorkPool(threadCount: 1)
        let body = PackBody(files: files, disk: disk, pool: pool) { _ in }
        var (reader, blobs, byteCount) = (PackReader(), [PackReader.Blob](), 0)
        for try await buffer in body {
            byteCount += buffer.readableBytes
            blobs += try reader.read(buffer.readableBytesView)
        }
        try reader.finish()
        await pool.stop()
        #expect(Int64(byteCount) == body.byteCount)
        #expect(blobs.map(\.digest) == files.map(\.digest))
        #expect(Digest(of: blobs[0].bytes) == files[0].digest)
        #expect(Digest(of: blobs[2].bytes) == files[2].digest)
        #expect(blobs[1].bytes == [UInt8](repeating: 0, count: 600_000))
        #expect(body.failed == [files[1].digest: .fileChanged(place("b.jpg"))])
    }

    @Test func `a gzip body is unpacked, a broken or too large one is not`() throws {
        // “hello hello hello hello”, packed by zlib.
        let packed: [UInt8] = [
            0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 0xFF, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x40,
            0x27, 1, 0xE3, 0x51, 0x3D, 0x8D, 0x17, 0, 0, 0,
        ]
        let unpacked = Gzip.unpack(packed, byteCountMax: 23)
        #expect(unpacked.map { String(decoding: $0, as: UTF8.self) } == "hello hello hello hello")
        #expect(Gzip.unpack(packed, byteCountMax: 22) == nil)
        #expect(Gzip.unpack(Array(packed.dropLast(9)), byteCountMax: 99) == nil)
        #expect(Gzip.unpack([1, 2, 3], byteCountMax: 99) == nil)
    }

    @Test func `a token is shown by nothing`() {
        let token = BearerToken("secret")
        #expect(!"\(token)".contains("secret") && !String(reflecting: token).contains("secret"))
    }
}
