import Kernel
import Library
import Media
import Photos
import Records
import Storage
import Testing

@Suite struct RenderingWorkerTests {
    @Test func `exactly what is missing is found, and nothing twice`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let reader = MadeUpReader()
        let worker = world.worker(reader)
        for index in 0..<10 {
            try await world.addPicture("\(index)", Array("good \(index)".utf8), to: zone)
        }
        #expect(try await world.service.progress(in: nil, for: account).waiting == 10)
        try await worker.drain()
        let progress = try await world.service.progress(in: nil, for: account)
        #expect(
            progress == .init(assets: 10, waiting: 0, withoutPreview: 0, damaged: 0))
        #expect(reader.rendered.filter(\.thumbnail).count == 10)
        #expect(reader.rendered.filter(\.preview).count == 10)

        try await worker.drain()
        try await world.addPicture("new", Array("good new".utf8), to: zone)
        try await worker.drain()
        #expect(reader.rendered.count == 22)
        #expect(reader.mostTogether <= reader.widthMax)
    }

    @Test func `all thumbnails come before the first preview, newest first`() async throws {
        let world = try await PhotoWorld()
        let zone = try await world.account("me").zone
        for day in 1...9 {
            try await world.addPicture(
                "\(day)", Array("day \(day)".utf8), to: zone,
                fields: ["fileModifiedAt": .integer(Int64(day) * 86_400_000)])
        }
        let reader = MadeUpReader(widthMax: 1)
        try await world.worker(reader).drain()
        let newestFirst = (1...9).reversed().map { "day \($0)" }
        #expect(reader.rendered.map(\.name) == newestFirst + newestFirst)
        #expect(reader.rendered.map(\.preview) == (0..<18).map { $0 >= 9 })
    }

    @Test func `what is slow to decode is decoded once`() async throws {
        let world = try await PhotoWorld()
        let zone = try await world.account("me").zone
        try await world.addPicture("a.heic", Array("a".utf8), to: zone, as: "image/heic")
        try await world.addPicture("b.mov", Array("b".utf8), to: zone, as: "video/quicktime")
        let reader = MadeUpReader()
        try await world.worker(reader).drain()
        #expect(reader.rendered.count == 2)
        #expect(reader.rendered.allSatisfy { $0.thumbnail && $0.preview })
    }

    @Test func `a damaged file is marked, holds up nobody, and is not tried again`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let damaged = try await world.addPicture(
            "damaged.jpg", Array("damaged".utf8), to: zone)
        let good = try await world.addPicture("good.jpg", Array("good".utf8), to: zone)
        let reader = MadeUpReader()
        let worker = world.worker(reader)
        try await worker.drain()
        try await worker.drain()

        let picture = try await world.service.picture(damaged, in: nil, for: account)
        #expect(picture.picture.problem == PictureProblem.damagedFile)
        #expect(picture.facts["damaged"] == .bool(true))
        #expect(reader.rendered.filter { $0.name == "damaged" }.count == 1)
        #expect(
            try await world.service.progress(in: nil, for: account)
                == .init(assets: 2, waiting: 0, withoutPreview: 0, damaged: 1))
        await #expect {
            try await world.service.rendition(.thumbnail, of: damaged, in: nil, for: account)
        } throws: { ($0 as? PhotosError)?.code == .damagedFile }
        let thumbnail = try await world.service.rendition(
            .thumbnail, of: good, in: nil, for: account)
        #expect(thumbnail.location.byteCount == Int64("thumbnail of good".utf8.count))
    }

    @Test func `a failure that passes is tried again later, and the others go on`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let id = try await world.addPicture("a", Array("crash 1 a".utf8), to: zone)
        for index in 0..<5 {
            try await world.addPicture("\(index)", Array("good \(index)".utf8), to: zone)
        }
        let worker = world.worker(MadeUpReader())
        try await worker.drain()
        #expect(try await world.service.progress(in: nil, for: account).waiting == 1)
        await #expect {
            try await world.service.rendition(.preview, of: id, in: nil, for: account)
        } throws: { ($0 as? PhotosError)?.code == .analysing }

        world.advance(milliseconds: 3_600_000)
        try await worker.drain()
        #expect(try await world.service.progress(in: nil, for: account).waiting == 0)
    }

    @Test(.timeLimit(.minutes(1)))
    func `a worker that is stopped gives back what it had, and another goes on at once`()
        async throws
    {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        try await world.addPicture("b", Array("endless b".utf8), to: zone)
        for index in 0..<20 {
            try await world.addPicture("\(index)", Array("good \(index)".utf8), to: zone)
        }
        // Newest first: the endless one, and what it has beside it, are in hand soon.
        let reader = MadeUpReader(widthMax: 1)
        let first = world.worker(reader)
        let running = Task { await first.run() }
        while !reader.rendered.contains(where: { $0.name == "endless b" }) {
            try await Task.sleep(for: .milliseconds(5))
        }
        running.cancel()
        await running.value

        let leases = try await world.database.read { transaction in
            try transaction.rows("SELECT attempts FROM job").count
        }
        #expect(leases == 0)
        let second = MadeUpReader(widthMax: 1)
        let other = Task { try await world.worker(second).drain() }
        while !second.rendered.contains(where: { $0.name == "endless b" }) {
            try await Task.sleep(for: .milliseconds(5))
        }
        other.cancel()
        await #expect(throws: CancellationError.self) { try await other.value }
        #expect(try await world.service.progress(in: nil, for: account).waiting == 21)
    }

    @Test func `a file that fails every time is given up as damaged`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        try await world.addPicture("a", Array("crash 99 a".utf8), to: zone)
        let reader = MadeUpReader()
        let worker = world.worker(reader)
        for _ in 0..<Limits.jobAttemptsMax + 1 {
            try await worker.drain()
            world.advance(milliseconds: 3_600_000)
        }
        #expect(reader.rendered.count == Limits.jobAttemptsMax)
        #expect(
            try await world.service.progress(in: nil, for: account)
                == .init(assets: 1, waiting: 0, withoutPreview: 0, damaged: 1))
    }

    @Test func `lost bytes are no damage, and are no longer waited for in the end`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let id = try await world.addPicture("a", Array("good".utf8), to: zone)
        let key = try await world.service.original(of: id, in: nil, for: account).location.key
        try await world.store.remove([key])
        let worker = world.worker(MadeUpReader())
        for _ in 0..<Limits.jobAttemptsMax {
            #expect(try await world.service.progress(in: nil, for: account).waiting == 1)
            try await worker.drain()
            world.advance(milliseconds: 3_600_000)
        }
        let progress = try await world.service.progress(in: nil, for: account)
        #expect(progress == .init(assets: 1, waiting: 0, withoutPreview: 0, damaged: 0))
    }

    @Test func `a sidecar that comes later has the facts read again`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let id = try await world.addPicture("a", Array("good".utf8), to: zone)
        let worker = world.worker(MadeUpReader())
        try await worker.drain()
        var change = RecordChange(
            key: RecordKey(type: .asset, id: id),
            base: try await world.base(.asset, id, in: zone))
        let sidecar = try await world.store(
            Array("from the sidecar".utf8), for: account, as: "application/rdf+xml")
        change.setBlobs = [BlobRole.sidecar.rawValue: sidecar]
        try await world.commit([change], to: zone)
        #expect(try await world.service.progress(in: nil, for: account).waiting == 1)
        try await worker.drain()
        let facts = try await world.service.picture(id, in: nil, for: account).facts
        #expect(facts["title"] == .string("from the sidecar"))
        #expect(facts["thumbhash"] == .string("010203"))
        #expect(try await world.service.progress(in: nil, for: account).waiting == 0)
    }

    @Test func `an edit gets a thumbnail of its own`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let id = try await world.addPicture("a", Array("before".utf8), to: zone)
        let worker = world.worker(MadeUpReader())
        try await worker.drain()
        var change = RecordChange(
            key: RecordKey(type: .asset, id: id),
            base: try await world.base(.asset, id, in: zone))
        change.setBlobs = [
            BlobRole.original.rawValue: try await world.store(Array("after".utf8), for: account)
        ]
        try await world.commit([change], to: zone)
        await #expect(throws: PhotosError.self) {
            try await world.service.rendition(.thumbnail, of: id, in: nil, for: account)
        }
        try await worker.drain()
        let thumbnail = try await world.service.rendition(
            .thumbnail, of: id, in: nil, for: account)
        #expect(thumbnail.location.digest == Digest(of: Array("thumbnail of after".utf8)))
        let preview = try await world.service.rendition(.preview, of: id, in: nil, for: account)
        #expect(preview.location.digest == Digest(of: Array("preview of after".utf8)))
    }

    @Test func `thumbnails don't count for the quota`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        try await world.addPicture("a", Array("good".utf8), to: zone)
        let used = { [kernel = world.kernel, database = world.database] in
            try await database.read { try kernel.quota(of: account, in: $0).usedByteCount }
        }
        let before = try await used()
        try await world.worker(MadeUpReader()).drain()
        #expect(try await used() == before)
    }

    @Test func `two accounts' pictures are rendered in turns`() async throws {
        let world = try await PhotoWorld()
        let first = try await world.account("first")
        let second = try await world.account("second")
        for index in 0..<60 {
            try await world.addPicture("\(index)", Array("first \(index)".utf8), to: first.zone)
        }
        try await world.addPicture("0", Array("second 0".utf8), to: second.zone)
        let reader = MadeUpReader(widthMax: 1)
        try await world.worker(reader).drain()
        let place = reader.rendered.firstIndex { $0.name == "second 0" }
        #expect(try #require(place) < 20)
    }

    @Test func `a worker that runs is woken by a commit and ends when it is told`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let worker = world.worker(MadeUpReader())
        let task = Task { await worker.run() }
        try await world.addPicture("a", Array("good".utf8), to: zone)
        worker.wake()
        while try await world.service.progress(in: nil, for: account).waiting > 0 {
            await Task.yield()
        }
        task.cancel()
        await task.value
    }
}
