import HTTPTypes
import NIOCore
import Records
import Storage
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct StorageFailureTests {
    @Test func `a full disk on the server is 507, and loses nothing`() async throws {
        let switches = FullDisk()
        let server = try await TestServer { FullDiskStore(base: $0, disk: switches) }
        let anna = try await server.person("anna")
        try await server.run { client in
            let kept = try await client.store(bytes(500), by: anna)
            switches.isFull = true
            let content = bytes(1_000)
            let digest = Digest(of: content)
            let pack =
                PackFormat.magic + PackFormat.frame(digest: digest, byteCount: content.count)
                + content + PackFormat.end(blobCount: 1)
            let upload = "/api/v1/uploads/\(UploadID(high: 1, low: 1))"
            let answers = [
                try await client.send(.put, "/api/v1/blobs/\(digest)", by: anna, body: content),
                try await client.send(.post, "/api/v1/blobs/pack", by: anna, body: pack),
                try await client.send(
                    .post, upload, by: anna, headers: ["Upload-Length": "1000"]),
            ]
            for answer in answers {
                #expect(answer.status.code == 507)
                #expect(answer.code == "serverStorageFull")
            }
            #expect(
                try await client.send(.get, "/api/v1/blobs/\(kept)", by: anna).bytes
                    == bytes(500))
            switches.isFull = false
            try await client.store(content, by: anna)
        }
    }

    @Test func `a disk that fills while bytes come is 507 too`() async throws {
        let switches = FullDisk()
        switches.freeByteCount = .max
        let server = try await TestServer { FullDiskStore(base: $0, disk: switches) }
        let anna = try await server.person("anna")
        try await server.run { client in
            switches.isFull = true
            let content = bytes(1_000)
            let answer = try await client.send(
                .put, "/api/v1/blobs/\(Digest(of: content))", by: anna, body: content)
            #expect(answer.status.code == 507)
        }
    }

    @Test func `the last bytes of the disk are kept for the database`() async throws {
        let switches = FullDisk()
        let server = try await TestServer { FullDiskStore(base: $0, disk: switches) }
        let anna = try await server.person("anna")
        try await server.run { client in
            let content = bytes(1_000)
            let digest = Digest(of: content)
            switches.freeByteCount = Limits.diskReserveByteCount + 999
            let refused = try await client.send(
                .put, "/api/v1/blobs/\(digest)", by: anna, body: content)
            #expect(refused.status.code == 507)
            switches.freeByteCount = Limits.diskReserveByteCount + 1_000
            try await client.store(content, by: anna)
        }
    }

    @Test func `a newer Martlet's database is refused and left alone`() throws {
        let folder = try TemporaryFolder()
        let data = DataFolder(path: folder.path)
        try data.prepare()
        try SQLiteDatabase(
            path: data.database,
            migrations: MartletServer.migrations + [
                Migration(
                    name: "2030-01-01 holograms",
                    sql: "CREATE TABLE hologram (id INTEGER PRIMARY KEY) STRICT")
            ]
        ).close()
        let error = #expect(throws: StorageError.self) { try data.openDatabase() }
        #expect(error?.code == .databaseFromNewerVersion)
        #expect(error?.message.contains("newer Martlet") == true)
    }

    @Test func `two servers never share a data folder`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("lock")
        var first: DataFolderLock? = try DataFolderLock(path: path)
        first?.describe("process 17, listening on 127.0.0.1:8080")
        let error = #expect(throws: ServerError.self) { try DataFolderLock(path: path) }
        #expect(error?.code == .dataFolderInUse)
        #expect(error?.message.contains("process 17, listening on 127.0.0.1:8080") == true)
        first = nil
        _ = try DataFolderLock(path: path)
    }
}
