import Hummingbird
import HummingbirdTesting
import Kernel
import Library
import Logging
import Media
import Photos
import Records
import Storage
import TestSupport
import Testing
import WebServer
import Wire

@Suite struct PhotosRoutesTests {
    /// A server with photos, and the worker that makes their pictures up.
    private struct Setting {
        let server: TestServer
        let complete: MartletServer
        let worker: RenderingWorker

        init() async throws {
            server = try await TestServer()
            let bare = server.server
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let numbers = TestNumbers()
            let surroundings = ServerSurroundings(
                now: server.clock.read, clock: ContinuousClock(), randomNumber: numbers.next,
                randomBytes: numbers.bytes, monotonicMilliseconds: { 0 })
            let photos = PhotosExtension(
                configuration: bare.configuration, parts: bare.parts, hub: bare.hub,
                surroundings: surroundings, logger: logger)
            complete = MartletServer(
                configuration: bare.configuration, parts: bare.parts, accounts: bare.accounts,
                hub: bare.hub, signer: try ReceiptSigner(path: server.folder.file("key")),
                surroundings: surroundings, extensions: [photos], logger: logger)
            worker = RenderingWorker(
                database: bare.parts.database, objects: bare.parts.store,
                kernel: bare.parts.kernel, reader: Drawing(),
                surroundings: RenderingWorker.Surroundings(
                    now: server.clock.read, clock: ContinuousClock(),
                    randomNumber: numbers.next, temporaryFolder: server.folder.path),
                logger: logger)
        }

        func run(_ body: @escaping @Sendable (Client) async throws -> Void) async throws {
            let application = Application(router: complete.buildRouter())
            try await application.test(.router) { try await body(Client(client: $0)) }
        }
    }

    private struct Drawing: PictureReader {
        let widthMax = 1

        func facts(
            of path: String, sidecar: String?, name: String, fileModifiedAt: Timestamp?,
            mediaType: Media.MediaType
        ) async throws -> Facts { Facts(kind: .image, mediaType: mediaType) }

        func render(
            _ path: String, mediaType: Media.MediaType, thumbnail: Bool, preview: Bool
        ) async throws -> RenderedPicture {
            if path.isEmpty { throw PictureFailure.damaged("none") }
            return RenderedPicture(
                thumbnail: thumbnail ? [1] : nil, preview: preview ? [2, 2] : nil,
                thumbhash: [9, 8, 7], width: 4, height: 3)
        }
    }

    private static func add(
        _ name: String, _ content: [UInt8], as mediaType: String = "image/jpeg", by person: Person,
        _ client: Client
    ) async throws -> RecordID {
        let digest = try await client.store(content, by: person)
        let id = RecordID(high: 1, low: UInt64(content.count))
        var change = RecordChange(key: RecordKey(type: .asset, id: id))
        change.set = ["name": .string(name), "importedAt": .integer(0)]
        change.setBlobs = [
            "original": BlobReference(
                digest: digest, byteCount: Int64(content.count), mediaType: mediaType)
        ]
        let reply = try await client.commit(
            [ChangeGroup(id: GroupID(high: 8, low: id.low), changes: [change])], by: person)
        try #require(reply.results.map(\.status) == [.saved])
        return id
    }

    @Test func `a picture goes from its months to its bytes`() async throws {
        let setting = try await Setting()
        let anna = try await setting.server.person("anna")
        try await setting.run { client in
            let id = try await Self.add("IMG 1.JPG", bytes(30), by: anna, client)
            let months: PhotoMonthsReply = try await client.send(
                .get, "/api/v1/photos/months", by: anna
            ).decoded()
            #expect(months.months == [.init(month: "1970-01", count: 1)])
            #expect(months.zone == anna.photos)

            let missing = try await client.send(
                .get, "/api/v1/photos/\(id)/thumbnail", by: anna)
            #expect(missing.status == .notFound)
            let error: ErrorReply = try missing.decoded()
            #expect(error.code == "notRendered")
            #expect(error.fields == ["analysing"])

            try await setting.worker.drain()
            let page: PhotosReply = try await client.send(
                .get, "/api/v1/photos/timeline?month=1970-01&offset=0&limit=10", by: anna
            ).decoded()
            let picture = try #require(page.assets.first)
            #expect(picture.thumbnail == Digest(of: [1]))
            #expect(picture.thumbhash == "CQgH")
            #expect(picture.takenAt == "1970-01-01T00:00:00+00:00")

            let named = try await client.send(
                .get, "/api/v1/photos/\(id)/thumbnail?digest=\(Digest(of: [1]))", by: anna)
            #expect(named.bytes == [1])
            #expect(named.header("Content-Type") == "image/webp")
            #expect(named.header("Cache-Control")?.contains("immutable") == true)
            let plain = try await client.send(.get, "/api/v1/photos/\(id)/preview", by: anna)
            #expect(plain.bytes == [2, 2])
            #expect(plain.header("Cache-Control") == "private, no-cache")
            let again = try await client.send(
                .get, "/api/v1/photos/\(id)/preview", by: anna,
                headers: ["If-None-Match": try #require(plain.header("ETag"))])
            #expect(again.status == .notModified)

            let whole: PhotoReply = try await client.send(
                .get, "/api/v1/photos/\(id)", by: anna
            ).decoded()
            #expect(whole.digest == Digest(of: bytes(30)))
            #expect(whole.facts["by"] == .integer(Int64(Facts.fullReader)))
            let progress: PhotosProgressReply = try await client.send(
                .get, "/api/v1/photos/progress", by: anna
            ).decoded()
            #expect(
                progress == .init(assets: 1, waiting: 0, withoutPreview: 0, damaged: 0))
        }
    }

    @Test func `the original comes with its name, in ranges, and never as a page`() async throws {
        let setting = try await Setting()
        let anna = try await setting.server.person("anna")
        try await setting.run { client in
            let name = "Zürich \"1\".svg"
            let id = try await Self.add(
                name, bytes(40), as: "image/svg+xml", by: anna, client)
            let path = "/api/v1/photos/\(id)/original"
            let whole = try await client.send(.get, path + "?download=1", by: anna)
            #expect(whole.bytes == bytes(40))
            #expect(
                whole.header("Content-Disposition")
                    == "attachment; filename=\"Z_rich _1_.svg\"; "
                    + "filename*=UTF-8''Z%c3%bcrich%20%221%22.svg")
            #expect(whole.header("Content-Security-Policy")?.hasPrefix("sandbox") == true)
            let part = try await client.send(
                .get, path, by: anna, headers: ["Range": "bytes=10-19"])
            #expect(part.status == .partialContent)
            #expect(part.bytes == Array(bytes(40)[10...19]))
            #expect(part.header("Content-Disposition")?.hasPrefix("inline") == true)
        }
    }

    @Test func `another account gets nothing of a library, whatever it knows`() async throws {
        let setting = try await Setting()
        let anna = try await setting.server.person("anna")
        let ben = try await setting.server.person("ben", device: 2)
        try await setting.run { client in
            let id = try await Self.add("a.jpg", bytes(30), by: anna, client)
            try await setting.worker.drain()
            for path in [
                "months?zone=\(anna.photos)", "timeline?month=1970-01&zone=\(anna.photos)",
                "progress?zone=\(anna.photos)", "\(id)", "\(id)?zone=\(anna.photos)",
                "\(id)/thumbnail?zone=\(anna.photos)&digest=\(Digest(of: [1]))",
                "\(id)/preview", "\(id)/original?zone=\(anna.photos)",
            ] {
                let answer = try await client.send(.get, "/api/v1/photos/\(path)", by: ben)
                #expect(answer.status == .notFound, "\(path)")
                let nobody = try await client.send(.get, "/api/v1/photos/\(path)")
                #expect(nobody.status == .unauthorized, "\(path)")
            }
        }
    }

    @Test(arguments: [
        "timeline", "timeline?month=2019-13", "timeline?month=2019-05&limit=501",
        "timeline?month=2019-05&limit=0", "timeline?month=2019-05&offset=-1", "months?zone=x",
        "zz/thumbnail",
    ])
    func `a bad request is told what to do`(path: String) async throws {
        let setting = try await Setting()
        let anna = try await setting.server.person("anna")
        try await setting.run { client in
            let answer = try await client.send(.get, "/api/v1/photos/\(path)", by: anna)
            #expect(answer.status == .badRequest)
            #expect((try answer.decoded() as ErrorReply).message.hasSuffix("."))
        }
    }

    @Test func `the page and its files are there for everybody, and nothing else is`() async throws
    {
        let setting = try await Setting()
        try await setting.run { client in
            let page = try await client.send(.get, "/")
            #expect(page.status == .ok)
            #expect(page.header("Content-Type") == "text/html; charset=utf-8")
            #expect(page.header("Content-Security-Policy")?.contains("default-src 'self'") == true)
            let tag = try #require(page.header("ETag"))
            let again = try await client.send(.get, "/", headers: ["If-None-Match": tag])
            #expect(again.status == .notModified)
            let packed = try await client.send(
                .get, "/app.js", headers: ["Accept-Encoding": "gzip"])
            #expect(packed.header("Content-Encoding") == "gzip")
            #expect(packed.header("Content-Type") == "text/javascript; charset=utf-8")
            #expect(try await client.send(.head, "/app.css").status == .ok)
            #expect(try await client.send(.get, "/../Package.swift").status == .notFound)
            #expect(try await client.send(.get, "/none.js").status == .notFound)
            #expect(try await client.send(.post, "/").status == .methodNotAllowed)
        }
    }
}
