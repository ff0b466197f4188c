import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct PreviewTests {
    private let names = ["A.JPG", "B.JPG", "C.JPG"]

    /// A server with some pictures, sent by another device, the last the newest, and their previews.
    private func server(rendered: Bool = true) throws -> FakeServer {
        let server = FakeServer()
        let device = FakeDevice(server, number: 9, optimizes: true)
        for (index, name) in names.enumerated() {
            device.write(
                "bytes of \(name)", to: FakeDevice.source(name),
                ageSeconds: Int64(9 - index) * 3_600)
        }
        try device.sync()
        if rendered { for name in names { try render(name, on: server) } }
        return server
    }

    private func original(_ name: String) -> Digest { Digest(of: Array("bytes of \(name)".utf8)) }

    private func id(_ name: String, _ server: FakeServer) throws -> RecordID {
        try #require(server.assets.first { $0.blob(.original)?.digest == original(name) }).key.id
    }

    private func preview(_ name: String, _ rendition: Int = 1) -> [UInt8] {
        Array("preview \(rendition) of \(name)".utf8)
    }

    @discardableResult
    private func render(_ name: String, _ rendition: Int = 1, on server: FakeServer) throws
        -> Digest
    {
        let key = RecordKey(type: .rendering, id: try id(name, server))
        let bytes = preview(name, rendition)
        let digest = Digest(of: bytes)
        server.blobs[digest] = bytes
        if server.records[key] == nil { server.records[key] = server.empty(key) }
        server.change(key) { record in
            record.fields = ["of": .string(original(name).text), "by": .integer(1)]
            record.blobs[BlobRole.preview.rawValue] = BlobReference(
                digest: digest, byteCount: Int64(bytes.count), mediaType: "image/webp")
        }
        return digest
    }

    /// What is fetched, in order.
    private func watchDownloads(of device: FakeDevice) -> () -> [Digest] {
        var fetched: [Digest] = []
        device.refuse = { request in
            if case .download(let digest, _, _) = request { fetched.append(digest) }
            return nil
        }
        return { fetched }
    }

    private func messages(_ device: FakeDevice, _ name: String) throws -> [String] {
        let story = try #require(try device.story(id(name, device.server)))
        return story.status.reasons.map(\.message)
    }

    private func checkRows(of device: FakeDevice) {
        #expect(device.rows.allPreviews.map(\.asset) == device.previews.keys.sorted())
        #expect(device.rows.allPreviews.filter { !$0.isPlaced }.isEmpty)
    }

    @Test func `with Optimize Storage previews come, the newest first, and originals stay away`()
        throws
    {
        let server = try server()
        let device = FakeDevice(server, optimizes: true)
        let fetched = watchDownloads(of: device)
        #expect(try device.sync() == .inSync)
        #expect(fetched() == names.reversed().map { Digest(of: preview($0)) })
        #expect(device.libraryTexts.isEmpty && device.temporaries.isEmpty)
        for name in names { #expect(try device.previews[id(name, server)] == preview(name)) }
        checkRows(of: device)
        let status = try device.status()
        #expect(status.state == .upToDate)
        #expect(status.counts.onlyInCloud == 3 && status.counts.items == 3)
        #expect(
            try messages(device, "A.JPG").contains("The original is on the server, a preview here.")
        )
        let story = try #require(try device.story(id("A.JPG", server)))
        let copy = try #require(story.copies.first)
        #expect(copy.role == "preview")
        #expect(copy.where == "/library/" + PreviewName(try id("A.JPG", server)).path.text)
        // Nothing is left to do.
        #expect(try device.sync() == .inSync)
        #expect(device.requests.sorted() == ["changes", "reportState"])
    }

    @Test func `a new device gets previews before originals, and keeps what is needed`() throws {
        let server = try server()
        let device = FakeDevice(server)
        let fetched = watchDownloads(of: device)
        #expect(try device.sync() == .inSync)
        let order = fetched()
        #expect(Array(order.prefix(3)) == names.reversed().map { Digest(of: preview($0)) })
        #expect(Set(order.dropFirst(3)) == Set(names.map(original)))
        #expect(device.libraryTexts.count == 3)
        #expect(device.previews.isEmpty && device.rows.allPreviews.isEmpty)
        #expect(try device.status().counts.inSync == 3)
    }

    @Test func `originals that are here need no preview`() throws {
        let server = try server(rendered: false)
        let device = FakeDevice(server)
        #expect(try device.sync() == .inSync)
        for name in names { try render(name, on: server) }
        let fetched = watchDownloads(of: device)
        #expect(try device.sync() == .inSync)
        #expect(fetched().isEmpty && device.previews.isEmpty)
    }

    @Test func `a preview comes when the original has left, and stays when it is opened again`()
        throws
    {
        let server = try server()
        let device = FakeDevice(server, optimizes: true, once: false)
        let asset = try id("A.JPG", server)
        device.rows.choose(.keepHere, for: asset)
        device.restart()
        try device.run(milliseconds: 20_000)
        #expect(Array(device.libraryTexts.values) == ["bytes of A.JPG"])
        device.rows.choose(.inCloud, for: asset)
        device.tell(.command(.choicesChanged))
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.isEmpty)
        #expect(device.previews[asset] == preview("A.JPG"))
        device.rows.choose(.fetch, for: asset)
        device.tell(.command(.choicesChanged))
        try device.run(milliseconds: 20_000)
        #expect(Array(device.libraryTexts.values) == ["bytes of A.JPG"])
        #expect(device.previews[asset] == preview("A.JPG"))
        checkRows(of: device)
    }

    @Test func `a new rendition takes the place of the old one`() throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true)
        #expect(try device.sync() == .inSync)
        let digest = try render("B.JPG", 2, on: server)
        #expect(try device.sync() == .inSync)
        let asset = try id("B.JPG", server)
        #expect(device.previews[asset] == preview("B.JPG", 2))
        #expect(device.rows.preview(of: asset)?.digest == digest)
        checkRows(of: device)
    }

    @Test func `a preview goes when its asset is deleted for good, not before`() throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true)
        #expect(try device.sync() == .inSync)
        let asset = try id("B.JPG", server)
        let key = RecordKey(type: .asset, id: asset)
        server.change(key) { $0.envelope.trashedAt = Timestamp(milliseconds: 5) }
        #expect(try device.sync() == .inSync)
        #expect(device.previews[asset] != nil)
        server.change(key) { record in
            (record.fields, record.blobs, record.envelope.trashedAt) = (nil, [:], nil)
        }
        #expect(try device.sync() == .inSync)
        #expect(device.previews[asset] == nil && device.previews.count == 2)
        checkRows(of: device)
    }

    @Test func `after a crash at any event the same previews lie there`() throws {
        let server = try server()
        let whole = FakeDevice(server, optimizes: true)
        try whole.sync()
        for count in 1..<whole.handled {
            let device = FakeDevice(server, optimizes: true)
            device.restart()
            try device.run(events: count)
            #expect(try device.sync() == .inSync)
            #expect(device.previews == whole.previews, "after \(count) events")
            checkRows(of: device)
            #expect(device.temporaries.isEmpty)
        }
    }

    @Test func `one that fails holds up no other, and what waits says so`() throws {
        let server = try server()
        let lost = Digest(of: preview("C.JPG"))
        let device = FakeDevice(server, optimizes: true, once: false)
        device.refuse = { request in
            if case .download(lost, _, _) = request { .notFound } else { nil }
        }
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(device.previews.count == 2)
        let waiting = try device.status()
        #expect(waiting.state == .waiting)
        let reason = try #require(waiting.reasons.first { $0.code == .retrying })
        #expect(reason.message.contains("the preview of C.JPG: "))
        #expect(try messages(device, "C.JPG").contains { $0.contains("could not be fetched yet") })
        device.refuse = { _ in nil }
        device.tell(.command(.retryNow))
        try device.run(milliseconds: 10_000)
        #expect(device.previews.count == 3)
        #expect(try device.status().state == .upToDate)
        #expect(try messages(device, "C.JPG").contains { $0.contains("a preview here") })
    }

    @Test func `a sync that could not fetch a preview ends incomplete, and says which`() throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true)
        device.failDisk = { if case .keepPreview = $0 { .inputOutput(errno: 5) } else { nil } }
        #expect(try device.sync() == .incomplete)
        let reasons = try device.status().reasons.filter { $0.code == .retrying }
        #expect(reasons.count == names.count)
        #expect(reasons.contains { $0.message.contains("the preview of A.JPG: ") })
        device.failDisk = { if case .keepPreview = $0 { .noSpace } else { nil } }
        #expect(try device.sync() == .incomplete)
        #expect(try device.status().reasons.contains { $0.code == .deviceFull })
        device.failDisk = { _ in nil }
        #expect(try device.sync() == .inSync)
    }

    @Test func `a preview that is not made, or can't be made, is said to be so`() throws {
        let server = try server(rendered: false)
        let device = FakeDevice(server, optimizes: true)
        #expect(try device.sync() == .inSync)
        #expect(try messages(device, "A.JPG").contains { $0.contains("is not made yet") })
        let key = RecordKey(type: .rendering, id: try id("A.JPG", server))
        server.records[key] = server.empty(key)
        server.change(key) {
            $0.fields = ["of": .string(original("A.JPG").text), "problem": .string("damaged")]
        }
        #expect(try device.sync() == .inSync)
        #expect(try messages(device, "A.JPG").contains { $0.contains("has no preview") })
    }

    @Test func `the original that is on its way is shown by its preview`() throws {
        let server = try server()
        let device = FakeDevice(server, once: false)
        device.refuse = { request in
            guard case .download(let digest, _, _) = request, names.map(original).contains(digest)
            else { return nil }
            return .retryLater(code: "serverBusy", seconds: 600)
        }
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(device.previews.count == 3)
        let story = try #require(try device.story(id("A.JPG", server)))
        let reason = try #require(story.status.reasons.first { $0.code == .previewOnly })
        #expect(reason.message.hasPrefix("A preview is shown: the original "))
        #expect(!story.status.reasons.contains { $0.code == .onlyInCloud })
    }

    @Test(arguments: [true, false])
    func `metered networks and full disks hold previews back, and no longer than they are`(
        isMetered: Bool
    ) throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true, once: false)
        if isMetered {
            device.conditions.network.isMetered = true
            device.conditions.policies.metered = .never
        } else {
            device.conditions.freeByteCount = Limits.deviceReserveByteCount + 3
        }
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(device.previews.isEmpty)
        let words = isMetered ? "is on its way" : "no space for its preview"
        #expect(try messages(device, "A.JPG").contains { $0.contains(words) })
        let isFull = try device.status().reasons.contains { $0.code == .deviceFull }
        #expect(isFull != isMetered)
        device.conditions = Conditions()
        try device.run(milliseconds: 10_000)
        #expect(device.previews.count == 3)
        #expect(try device.status().state == .upToDate)
        checkRows(of: device)
    }

    @Test func `under the reserve previews give way, the least used first, and come back`() throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true, once: false)
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(device.previews.count == 3)
        device.rows.noteUse(of: try id("A.JPG", server), at: device.now.wall)
        // What one of them takes is missing.
        device.change { $0.freeByteCount = Limits.deviceReserveByteCount - 5 }
        try device.run(milliseconds: 1_000)
        #expect(
            device.previews.keys.sorted()
                == [try id("A.JPG", server), try id("C.JPG", server)].sorted())
        let said = try messages(device, "B.JPG")
        #expect(said.contains { $0.contains("no space for its preview") }, "\(said)")
        // It was of no use: the others go as well, that which was opened at last.
        try device.run(milliseconds: 2_000)
        #expect(device.previews.keys.sorted() == [try id("A.JPG", server)])
        try device.run(milliseconds: 30_000)
        #expect(device.previews.isEmpty && device.rows.allPreviews.isEmpty)
        let count = device.requests.count
        try device.run(milliseconds: 30_000)
        #expect(!device.requests.dropFirst(count).contains("download"))
        device.change { $0.freeByteCount = Limits.freeSpaceTargetByteCount }
        try device.run(milliseconds: 5_000)
        #expect(device.previews.count == 3)
        checkRows(of: device)
    }

    @Test func `above the reserve previews stay, and as long as originals leave for them`() throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true, once: false)
        let asset = try id("A.JPG", server)
        device.rows.choose(.fetch, for: asset)
        device.restart()
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.count == 1)
        device.rows.choose(nil, for: asset)
        device.tell(.command(.choicesChanged))
        device.change { $0.freeByteCount = Limits.deviceReserveByteCount }
        try device.run(milliseconds: 1_000)
        #expect(device.libraryTexts.isEmpty)
        try device.run(milliseconds: 60_000)
        #expect(device.previews.count == 3)

        // Under it the original goes first; then there is space again.
        device.rows.choose(.fetch, for: asset)
        device.change { $0.freeByteCount = nil }
        device.tell(.command(.choicesChanged))
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.count == 1)
        device.rows.choose(nil, for: asset)
        device.tell(.command(.choicesChanged))
        device.takesLong = { effect in
            if case .send(_, .receipts) = effect { true } else { false }
        }
        device.change { $0.freeByteCount = 0 }
        try device.run(milliseconds: 10_000)
        #expect(device.previews.count == 3)
        device.conditions.freeByteCount = Limits.freeSpaceTargetByteCount
        device.letGo()
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.isEmpty && device.previews.count == 3)
        checkRows(of: device)
    }

    @Test func `a preview that somebody deleted comes again with the next comparison`() throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true)
        #expect(try device.sync() == .inSync)
        let asset = try id("B.JPG", server)
        device.previews[asset] = nil
        let fetched = watchDownloads(of: device)
        #expect(try device.sync() == .inSync)
        #expect(fetched() == [Digest(of: preview("B.JPG"))])
        #expect(device.previews[asset] == preview("B.JPG"))
        checkRows(of: device)
        // A running one finds it out as well.
        device.restart(once: false)
        try device.run(milliseconds: 5_000)
        device.previews = [:]
        device.tell(.command(.compareAll))
        try device.run(milliseconds: 5_000)
        #expect(device.previews.count == 3)
        checkRows(of: device)
    }

    @Test func `a folder of previews that cannot be read lost none`() throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true)
        #expect(try device.sync() == .inSync)
        let kept = device.previews
        device.previews = [:]
        device.failDisk = { operation in
            if case .listPreviews = operation { .notFound } else { nil }
        }
        let fetched = watchDownloads(of: device)
        #expect(try device.sync() == .inSync)
        #expect(fetched().isEmpty && device.rows.allPreviews.count == 3)
        device.failDisk = { _ in nil }
        device.previews = kept
        #expect(try device.sync() == .inSync)
        #expect(fetched().isEmpty)
        checkRows(of: device)
    }

    @Test func `previews over the size of small items move on a low battery all the same`() throws {
        let server = try server()
        let asset = try id("A.JPG", server)
        server.change(RecordKey(type: .rendering, id: asset)) { record in
            let preview = record.blobs[BlobRole.preview.rawValue]
            record.blobs[BlobRole.preview.rawValue] = preview.map {
                BlobReference(
                    digest: $0.digest, byteCount: Limits.smallItemByteCountMax * 2,
                    mediaType: $0.mediaType)
            }
        }
        let device = FakeDevice(server, optimizes: true, once: false)
        device.conditions.power.source = .battery(percent: 5)
        device.restart()
        try device.run(milliseconds: 10_000)
        #expect(device.previews[asset] != nil)
    }

    @Test func `a failed sync of the disk means that previews are fetched again`() throws {
        let server = try server()
        let device = FakeDevice(server, optimizes: true, once: false)
        var failures = 0
        device.failDisk = { operation in
            guard case .syncLibrary = operation, !device.temporaries.isEmpty, failures < 2 else {
                return nil
            }
            failures += 1
            return .inputOutput(errno: 5)
        }
        let fetched = watchDownloads(of: device)
        device.restart()
        try device.run(milliseconds: 60_000)
        #expect(failures == 2)
        #expect(fetched().count > 3)
        #expect(device.previews.count == 3)
        checkRows(of: device)
    }

    @Test func `a preview comes when a comparison finds the original gone from its source`() throws
    {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true, once: false)
        device.write("bytes of A.JPG", to: FakeDevice.source("A.JPG"))
        device.restart()
        try device.run(milliseconds: 20_000)
        try render("A.JPG", on: server)
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 20_000)
        #expect(device.previews.isEmpty)
        device.write("another picture", to: FakeDevice.source("A.JPG"), ageSeconds: 60)
        device.tell(.command(.compareAll))
        try device.run(milliseconds: 60_000)
        #expect(device.previews[try id("A.JPG", server)] == preview("A.JPG"))
    }

    @Test func `a preview comes soon after the original has gone from its source`() throws {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true, once: false)
        device.write("bytes of A.JPG", to: FakeDevice.source("A.JPG"))
        device.restart()
        try device.run(milliseconds: 20_000)
        try render("A.JPG", on: server)
        device.tell(.zoneChanged(head: server.head))
        try device.run(milliseconds: 20_000)
        device.files[FakeDevice.source("A.JPG")] = nil
        device.tell(.placeChanged(FakeDevice.source("A.JPG")))
        try device.run(milliseconds: 20_000)
        #expect(device.previews[try id("A.JPG", server)] == preview("A.JPG"))
    }

    @Test func `while one sync of the disk is under way no other begins`() throws {
        let device = FakeDevice(try server())
        var syncCount = 0
        device.takesLong = { effect in
            guard case .disk(_, .syncLibrary) = effect, !device.temporaries.isEmpty else {
                return false
            }
            syncCount += 1
            return true
        }
        device.restart()
        try device.run(milliseconds: 20_000)
        // Previews and originals are both ready for theirs.
        #expect(syncCount == 1)
        #expect(device.temporaries.count == 6)
        device.letGo()
        try device.run()
        #expect(device.outcome == .inSync)
        #expect(device.libraryTexts.count == 3 && device.temporaries.isEmpty)
    }
}
