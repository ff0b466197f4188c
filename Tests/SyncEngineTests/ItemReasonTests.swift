import Library
import Records
import Status
import SyncEngine
import Testing

/// Each reason of a single item: caused, seen with the values of its evidence, and gone with its
/// cause.
@Suite struct ItemReasonTests {
    private let server = FakeServer()
    private let device: FakeDevice
    private let place = FakeDevice.library("a.jpg")
    private let thousand = String(repeating: "x", count: 1_000)

    init() throws {
        device = FakeDevice(server, once: false)
        device.restart()
        try device.run(milliseconds: 20_000)
    }

    /// Brings a picture across; its asset.
    @discardableResult
    private func inSync(
        _ text: String = "picture", at place: Place? = nil
    ) throws -> RecordID {
        device.put(text, at: place ?? self.place)
        try device.run(milliseconds: 5_000)
        return try #require(server.assets.last).key.id
    }

    /// What another device did.
    private func change(
        _ type: RecordType, _ item: RecordID, _ body: (inout Record) -> Void
    ) {
        let key = RecordKey(type: type, id: item)
        var record = server.records[key] ?? server.empty(key)
        body(&record)
        server.head += 1
        record.envelope.sequence = server.head
        record.envelope.changedAt = Timestamp(milliseconds: 1_800_000_000_000)
        server.records[key] = record
        device.tell(.zoneChanged(head: server.head))
    }

    private func hold(_ isHeld: @escaping (Request) -> Bool) {
        device.takesLong = { if case .send(_, let request) = $0 { isHeld(request) } else { false } }
    }

    private func progress(_ byteCount: Int64) throws {
        try device.run(milliseconds: 1_000)
        guard case .send(let id, _)? = device.underWay.first else { return }
        device.tell(.progressed(id, byteCount: byteCount))
    }

    // MARK: Under way

    @Test func `a file that is read`() throws {
        try device.expectReason(
            .hashing, of: .place(place), saying: "400 bytes of 1 kB are read."
        ) {
            device.takesLong = { if case .readFile = $0 { true } else { false } }
            device.put(thousand, at: place)
            try device.run(milliseconds: 100)
            device.tell(.readingProgressed(place, byteCount: 400))
        } goneAfter: {
            device.letGo()
        }
    }

    @Test func `an item that is sent`() throws {
        try device.expectReason(
            .uploading, of: .place(place), saying: "400 bytes of 1 kB are sent."
        ) {
            hold { if case .put = $0 { true } else { false } }
            device.put(thousand, at: place)
            try progress(400)
        } goneAfter: {
            device.letGo()
        }
    }

    /// A picture that is to come from another device.
    private func arriving(_ text: String) throws -> (asset: RecordID, digest: Digest) {
        let other = FakeDevice(server, number: 9, optimizes: true)
        other.write(text, to: FakeDevice.source("A.JPG"))
        try other.sync()
        return (try #require(server.assets.last).key.id, Digest(of: Array(text.utf8)))
    }

    @Test func `an item that is fetched`() throws {
        let (asset, _) = try arriving(thousand)
        try device.expectReason(
            .downloading, of: .asset(asset), saying: "400 bytes of 1 kB are here."
        ) {
            hold { if case .download = $0 { true } else { false } }
            device.tell(.zoneChanged(head: server.head))
            try progress(400)
        } goneAfter: {
            device.letGo()
        }
    }

    @Test func `an item whose turn is not yet`() throws {
        func numbered(_ number: Int) -> Place { FakeDevice.library("\(number).jpg") }
        // Four cross at once; of the two others the newer goes first.
        try device.expectReason(
            .queued, of: .place(numbered(5)), saying: "1 item, 2.1 MB, are ahead of it."
        ) {
            hold { if case .put = $0 { true } else { false } }
            for number in 0..<6 {
                device.put(
                    "\(number)" + String(repeating: "x", count: 2 << 20), at: numbered(number),
                    ageSeconds: Int64(100 + number))
            }
        } goneAfter: {
            device.letGo()
        }
    }

    @Test func `a failed item`() throws {
        try device.expectReason(
            .retrying, of: .place(place), saying: "It failed once: a.jpg: the connection broke."
        ) {
            device.refuse = { $0.carries("a.jpg") ? .interrupted : nil }
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
        }
    }

    @Test func `a file that is being written`() throws {
        try device.expectReason(
            .stillChanging, of: .place(place), saying: "a.jpg is being written."
        ) {
            device.write("half", to: place, ageSeconds: 0)
            device.tellLibraryChanged()
        } goneAfter: {
        }
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 1)
    }

    @Test func `a sidecar whose picture is not across`() throws {
        let sidecar = FakeDevice.library("a.jpg.xmp")
        try device.expectReason(
            .waitsForOriginal, of: .place(sidecar),
            saying: "It belongs to a.jpg, which has not crossed yet."
        ) {
            device.readResult = { $0 == place ? .failed(.notPermitted) : nil }
            device.put("picture", at: place)
            device.put("sidecar", at: sidecar)
        } goneAfter: {
            device.readResult = { _ in nil }
            device.tell(.placeChanged(place))
        }
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 1)
    }

    @Test func `bytes that the server lost`() throws {
        let (asset, digest) = try arriving("picture")
        let bytes = server.blobs[digest]
        try device.expectReason(
            .lostOnServer, of: .asset(asset), saying: "The server lost its copy of A.JPG."
        ) {
            server.blobs[digest] = nil
            device.tell(.zoneChanged(head: server.head))
        } goneAfter: {
            server.blobs[digest] = bytes
        }
    }

    @Test func `a picture without a thumbnail`() throws {
        try device.expectReason(
            .analysing, of: .place(place),
            saying: "Its thumbnail and facts are being made; the original can be opened."
        ) {
            try inSync()
        } goneAfter: {
            let original = try #require(server.assets.first?.blob(.original)?.digest.text)
            try change(.rendering, #require(server.assets.first).key.id) {
                $0.fields = ["of": .string(original)]
            }
        }
        // One of earlier bytes is none.
        try change(.rendering, #require(server.assets.first).key.id) {
            $0.fields = ["of": .string("00")]
        }
        try device.run(milliseconds: 1_000)
        #expect(try device.story(place)?.status.reasons.map(\.code) == [.analysing])
    }

    @Test func `an original that may not leave yet`() throws {
        let asset = try inSync()
        let digest = Digest(of: Array("picture".utf8))
        try device.expectReason(
            .receiptPending, of: .asset(asset),
            saying: "It stays on this device: the server has not yet re-read its copy.",
            goesWithin: Limits.evictionRetrySeconds + 5
        ) {
            server.unread = [digest]
            device.rows.choose(.inCloud, for: asset)
            device.tell(.command(.choicesChanged))
        } goneAfter: {
            server.unread = []
        }
        #expect(device.libraryTexts.isEmpty)
    }

    // MARK: Somebody is needed

    @Test(arguments: [
        (DiskError.notPermitted, "permission is missing"),
        (.inputOutput(errno: 5), "the disk reports error 5"),
    ])
    func `a file that can't be read`(error: DiskError, words: String) throws {
        try device.expectReason(
            .unreadableFile, of: .place(place), saying: "/library/a.jpg cannot be read: \(words)."
        ) {
            device.readResult = { _ in .failed(error) }
            device.put("picture", at: place)
        } goneAfter: {
            device.readResult = { _ in nil }
            device.tell(.placeChanged(place))
        }
    }

    @Test func `a file that shrank to nothing`() throws {
        try inSync()
        try device.expectReason(
            .suspiciousChange, of: .place(place),
            saying: "a.jpg shrank to nothing: the good copy is kept."
        ) {
            device.put("", at: place)
        } goneAfter: {
            device.put("picture", at: place)
        }
    }

    @Test func `an item that breaks its handler again and again`() throws {
        try device.expectReason(
            .quarantined, of: .place(place),
            saying: "a.jpg failed 2 times: It is odd. It is set aside.", comesWithin: 20
        ) {
            device.refuse = {
                $0.carries("a.jpg") ? .refused(code: "odd", message: "It is odd") : nil
            }
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
            device.put("another", at: place)
        }
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 1)
    }

    @Test(arguments: [
        (Limits.itemByteCountMax + 1, "68719476737 bytes; at most 68719476736"),
        (100_000_000_000, "100 GB; at most 68.7 GB"),
    ])
    func `a file that is too large is not even read`(byteCount: Int64, words: String) throws {
        for index in 0..<2 {
            let place = index == 0 ? self.place : FakeDevice.library("b/a.jpg")
            try device.expectReason(
                .tooLarge, of: index == 0 ? .place(place) : nil,
                saying: "a.jpg has \(words) can be kept."
            ) {
                device.write("holes", to: place)
                device.files[place]?.byteCount = byteCount
                device.tell(.placeChanged(place))
            } goneAfter: {
                #expect(server.assets.count == index)
                let status = try device.status()
                #expect(status.state == .attention)
                #expect(status.counts.failed == 1 && status.counts.items == 1 + index)
                device.put("smaller \(index)", at: place)
            }
            try device.run(milliseconds: 2_000)
            #expect(server.assets.count == 1 + index)
        }
    }

    @Test func `a file as large as can be is read`() throws {
        device.takesLong = { if case .readFile = $0 { true } else { false } }
        device.write("holes", to: place)
        device.files[place]?.byteCount = Limits.itemByteCountMax
        device.tell(.placeChanged(place))
        try device.run(milliseconds: 100)
        #expect(try device.story(place)?.status.reasons.map(\.code) == [.hashing])
    }

    /// Of text more fits than of bytes that are none, which are kept as they are beside it.
    @Test(arguments: [
        (UInt8(ascii: "n"), Limits.assetNameByteCountMax, "1025 bytes; at most 1024"),
        (0xFF, Limits.nameByteCountMax, "256 bytes that are no text; at most 255"),
    ])
    func `a name that is too long`(byte: UInt8, limit: Int, words: String) throws {
        func named(_ count: Int) -> Place {
            let name = Array(repeating: byte, count: count - 4) + Array(".jpg".utf8)
            return Place(root: .library, path: RelativePath(bytes: name))
        }
        let long = named(limit + 1)
        let text = String(decoding: long.path.bytes, as: UTF8.self)
        try device.expectReason(
            .nameNotAllowed, of: .place(long),
            saying: "The name of /library/\(text) has \(words) can be kept."
        ) {
            device.put("picture", at: long)
        } goneAfter: {
            #expect(server.assets.isEmpty)
            let state = try device.status().state
            #expect(state == .attention)
            device.files[named(limit)] = device.files.removeValue(forKey: long)
            device.tell(.placeChanged(long))
            device.tell(.placeChanged(named(limit)))
        }
        try device.run(milliseconds: 2_000)
        #expect(server.assets.count == 1)
        #expect(try device.status().state == .upToDate)
    }

    // MARK: Versions

    @Test func `a record that needs a newer protocol`() throws {
        let item = try inSync()
        let needed = WireProtocol.current + 4
        try device.expectReason(
            .newerItem, of: .place(place),
            saying: "a.jpg needs protocol \(needed): it can only be read here."
        ) {
            change(.asset, item) { $0.envelope.requires = needed }
        } goneAfter: {
            change(.asset, item) { $0.envelope.requires = WireProtocol.current }
        }
    }

    @Test func `parts that only a newer Martlet knows`() throws {
        let item = try inSync()
        try device.expectReason(
            .fromNewerVersion, of: .place(place),
            saying: "a.jpg was written by a newer Martlet: it is shown as far as understood."
        ) {
            change(.asset, item) { $0.blobs["depthMap"] = $0.blobs["original"] }
        } goneAfter: {
            change(.asset, item) { $0.blobs["depthMap"] = nil }
        }
    }

    @Test func `a damaged file`() throws {
        let item = try inSync()
        try device.expectReason(
            .damagedFile, of: .place(place),
            saying: "a.jpg is damaged: it is kept and synced all the same, without a preview."
        ) {
            change(.facts, item) { $0.fields?["damaged"] = .bool(true) }
        } goneAfter: {
            let state = try device.status().state
            #expect(state == .upToDate)
            change(.facts, item) { $0.fields?["damaged"] = nil }
        }
    }

    // MARK: As they are meant to be

    @Test func `an original that is only in the cloud`() throws {
        let asset = try inSync()
        try device.expectReason(
            .onlyInCloud, of: .asset(asset),
            saying: "The original is on the server, its preview is not made yet."
        ) {
            device.rows.choose(.inCloud, for: asset)
            device.tell(.command(.choicesChanged))
        } goneAfter: {
            #expect(device.libraryTexts.isEmpty)
            device.rows.choose(nil, for: asset)
            device.tell(.command(.choicesChanged))
        }
        #expect(device.libraryTexts.count == 1)
    }

    @Test func `a hidden item`() throws {
        let item = try inSync()
        try device.expectReason(.hiddenItem, of: .place(place), saying: "It is hidden.") {
            change(.asset, item) { $0.fields?["hidden"] = .bool(true) }
        } goneAfter: {
            change(.asset, item) { $0.fields?["hidden"] = nil }
        }
    }

    @Test func `an item in Recently Deleted`() throws {
        let item = try inSync()
        try device.expectReason(
            .recentlyDeleted, of: .asset(item),
            saying: "It was deleted on 2023-11-14, and can be restored until 2023-12-14."
        ) {
            change(.asset, item) {
                $0.envelope.trashedAt = Timestamp(milliseconds: 1_700_000_000_000)
            }
        } goneAfter: {
            try device.run(milliseconds: 2_000)
            #expect(device.libraryTexts.isEmpty)
            change(.asset, item) { $0.envelope.trashedAt = nil }
        }
        try device.run(milliseconds: 10_000)
        #expect(device.libraryTexts.count == 1)
        #expect(try device.story(item)?.history.map(\.event).contains("trashed") ?? false)
    }

    @Test func `a part that is shown with its picture`() throws {
        let item = try inSync()
        let sidecar = FakeDevice.library("a.jpg.xmp")
        try device.expectReason(
            .otherView, of: .place(sidecar), saying: "It is in the item a.jpg."
        ) {
            device.put("sidecar", at: sidecar)
        } goneAfter: {
            let (whole, part) = (try device.story(item), try device.story(sidecar))
            #expect(whole?.status.reasons.map(\.code) == [.analysing])
            #expect(part?.status.state == .inSync)
            device.remove(sidecar)
        }
    }

    @Test func `a file that a rule leaves out`() throws {
        let hidden = FakeDevice.library(".a.jpg")
        try device.expectReason(
            .notIncluded, of: .place(hidden),
            saying: "/library/.a.jpg stays on this device only: "
                + "names that begin with a dot are left out."
        ) {
            device.put("picture", at: hidden)
        } goneAfter: {
            device.files[place] = device.files.removeValue(forKey: hidden)
            device.tell(.placeChanged(hidden))
            device.tell(.placeChanged(place))
        }
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 1)
    }

    @Test func `a link`() throws {
        try device.expectReason(
            .notIncluded, of: .place(place),
            saying: "/library/a.jpg stays on this device only: "
                + "links, pipes and devices are left out."
        ) {
            device.links[place] = .symbolicLink
            device.tellLibraryChanged()
        } goneAfter: {
            device.links[place] = nil
            device.put("picture", at: place)
        }
    }

    @Test func `a file without content`() throws {
        try device.expectReason(
            .emptyFile, of: .place(place), saying: "/library/a.jpg is empty."
        ) {
            device.put("", at: place)
        } goneAfter: {
            device.put("picture", at: place)
        }
    }

    @Test func `a file that is no picture`() throws {
        try device.expectReason(
            .notAPhoto, of: .place(place),
            saying: "/library/a.jpg is no picture, video or sidecar: it stays on this device."
        ) {
            device.readResult = { _ in .notAPhoto }
            device.put("words", at: place)
        } goneAfter: {
            device.readResult = { _ in nil }
            device.put("picture", at: place)
        }
    }

    @Test func `bytes that were deleted before`() throws {
        let (asset, _) = try arriving("picture")
        change(.asset, asset) {
            $0.envelope.trashedAt = Timestamp(milliseconds: 1_700_000_000_000)
        }
        try device.run(milliseconds: 2_000)
        try device.expectReason(
            .deletedBefore, of: .place(place),
            saying: "The same picture was deleted on 2023-11-14."
        ) {
            device.put("picture", at: place)
        } goneAfter: {
            let state = try device.story(place)?.status.state
            #expect(state == .notIncluded)
            change(.asset, asset) { $0.envelope.trashedAt = nil }
        }
    }

    @Test func `the same bytes at two places`() throws {
        try inSync()
        let copy = FakeDevice.library("copy.jpg")
        try device.expectReason(
            .duplicateOf, of: .place(place),
            saying: "It has the same bytes as /library/copy.jpg: one item with two places."
        ) {
            device.put("picture", at: copy)
        } goneAfter: {
            device.remove(copy)
        }
        #expect(server.assets.count == 1)
    }
}
