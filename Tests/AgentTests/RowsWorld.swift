import Agent
import Library
import Records
import SyncEngine
import TestSupport

/// A small world of places, digests and records, and random changes in it.
struct RowsWorld {
    static let settings = DeviceSettings(
        account: AccountID(high: 1, low: 1), device: DeviceID(high: 2, low: 2), deviceName: "A",
        zone: ZoneID(high: 3, low: 3), idKey: [1, 2, 3], library: LibraryID(high: 4, low: 4),
        markGeneration: 1, optimizesStorage: false, server: "http://localhost")

    /// Of a device that was just signed in: the same in a database of its own and in memory.
    static func both(
        in folder: TemporaryFolder
    ) throws -> (database: DatabaseRows, memory: MemoryRows) {
        let database = try DatabaseRows(path: folder.file("device.sqlite"))
        try database.transaction { () throws(RowsError) in
            try database.save(settings)
            try database.save(
                StoredRoot(id: .library, disk: DiskRoot(path: "/library"), isOnce: false))
        }
        let memory = MemoryRows(
            settings: settings, roots: [RootRow(id: .library, path: "/library")])
        return (database, memory)
    }

    let digests = (0..<6).map { Digest(of: [UInt8($0)]) }
    let keys: [RecordKey] =
        (0..<5).map { RecordKey(type: .asset, id: RecordID(high: UInt64($0) << 60, low: 1)) }
        + (0..<2).map { RecordKey(type: .facts, id: RecordID(high: UInt64($0) << 60, low: 1)) }
    /// With names that sort between a folder and what lies in it, and bytes that are no text.
    let places: [Place] =
        [
            "a.jpg", "a/b.jpg", "a-b/c.jpg", "a/b/c.jpg", "a/b-c/d.jpg", "z", "2019/07/x.jpg",
            "2019/08/x.jpg", "2019-x/y.jpg",
        ].flatMap { text in
            [RootID.library, RootID(rawValue: 1)].map {
                Place(root: $0, path: RelativePath(text))
            }
        } + [Place(root: .library, path: RelativePath(bytes: [0x61, 0x2F, 0xFF, 0xFE]))]
    let prefixes: [[UInt8]] = [[], [0x61], [0x62, 0x2E], [0xFF], [0xFF, 0xFE]]

    var folders: [Folder] {
        var folders: Set<Folder> = []
        for place in places {
            var folder: Folder? = place.folder
            while let current = folder {
                folders.insert(current)
                folder = current.path.parent.map { Folder(root: current.root, path: $0) }
            }
        }
        return folders.sorted()
    }

    enum Change {
        case save(LocalFile)
        case removeFile(Place)
        case agree(Agreement?, Place)
        case miss(MissingFile)
        case notMiss(Place)
        case sent(SentChange)
        case saveRemote(RemoteRecord)
        case removeRemote(RecordKey)
        case feed(FeedState)
        case upload(UploadRow)
        case removeUpload(Digest)
        case saveIntent(Intent)
        case removeIntent(Place)
        case saveTrashed(TrashedFile)
        case removeTrashed(AsideName)
        case forget(EarlierContent)
        case keep(EarlierContent)

        func apply(to rows: some Rows) throws(RowsError) {
            switch self {
            case .save(let file): try rows.save(file)
            case .removeFile(let place): try rows.removeLocalFile(at: place)
            case .miss(let missing): try rows.save(missing)
            case .notMiss(let place): try rows.removeMissingFile(at: place)
            case .sent(let sent): try rows.save(sent)
            case .agree(let agreement, let place): try rows.agree(agreement, at: place)
            case .saveRemote(let remote): try rows.save(remote)
            case .removeRemote(let key): try rows.removeRemote(key)
            case .feed(let feed): try rows.save(feed)
            case .upload(let upload): try rows.save(upload)
            case .removeUpload(let digest): try rows.removeUpload(of: digest)
            case .saveIntent(let intent): try rows.save(intent)
            case .removeIntent(let place): try rows.removeIntent(at: place)
            case .saveTrashed(let file): try rows.save(file)
            case .removeTrashed(let name): try rows.removeTrashedFile(name)
            case .forget(let earlier): try rows.forget(earlier)
            case .keep(let earlier): try rows.keep(earlier)
            }
        }
    }

    func change(_ numbers: inout SeededNumbers) -> Change {
        switch numbers.below(26) {
        case 0...4: .save(file(&numbers))
        case 5: .removeFile(numbers.one(of: places))
        case 6...8: .saveRemote(remote(&numbers))
        case 9: .removeRemote(numbers.one(of: keys))
        case 10:
            .feed(
                FeedState(
                    token: ChangeToken(
                        epoch: Epoch(rawValue: 1), sequence: Int64(numbers.below(99)), stamp: 7),
                    isComplete: numbers.below(2) == 0, listing: Int64(numbers.below(4))))
        case 19, 20:
            .miss(
                MissingFile(
                    place: numbers.one(of: places),
                    agreed: agreement(&numbers) ?? someAgreement(&numbers),
                    stamp: file(&numbers).stamp,
                    since: Timestamp(milliseconds: Int64(numbers.below(50))),
                    isConfirmed: numbers.below(2) == 0, isApproved: numbers.below(2) == 0))
        case 21: .notMiss(numbers.one(of: places))
        case 22:
            .sent(
                SentChange(
                    asset: numbers.one(of: keys).id,
                    at: Timestamp(milliseconds: Int64(numbers.below(50)))))
        case 12, 13: .agree(agreement(&numbers), numbers.one(of: places))
        case 14: .saveIntent(intent(&numbers))
        case 15: .removeIntent(numbers.one(of: places))
        case 16: .saveTrashed(trashedFile(&numbers))
        case 17: .removeTrashed(numbers.one(of: asideNames))
        case 23, 24: .forget(earlierContent(&numbers))
        case 25: .keep(earlierContent(&numbers))
        default:
            numbers.below(2) == 0
                ? .upload(
                    UploadRow(
                        digest: numbers.one(of: digests),
                        upload: UploadID(high: numbers.next(), low: 0),
                        startedAt: Timestamp(milliseconds: 5)))
                : .removeUpload(numbers.one(of: digests))
        }
    }

    static func file(in root: RootID, named name: String) -> LocalFile {
        LocalFile(
            place: Place(root: root, path: RelativePath(name)),
            stamp: FileStamp(inode: 1, byteCount: 1, modifiedAt: 1, changedAt: 1),
            state: .unread, since: Timestamp(milliseconds: 1))
    }

    private func file(_ numbers: inout SeededNumbers) -> LocalFile {
        let digest = numbers.below(digests.count)
        // As on a disk: the same bytes have the same size.
        let stamp = FileStamp(
            inode: numbers.next(), byteCount: Int64(digest + 1) * 100,
            modifiedAt: Int64(numbers.below(1_000)), changedAt: Int64(numbers.below(1_000)))
        let content = FileContent(
            stamp: stamp, digest: digests[digest], mediaType: "image/jpeg",
            facts: ["width": .integer(Int64(numbers.below(9))), "kind": .string("image")])
        let states: [LocalFile.State] = [
            .unread, .read(content), .read(content), .sidecar(content),
            .notIncluded(code: "notAPhoto"), .unreadable(.notPermitted),
            .unreadable(.inputOutput(errno: 5)),
        ]
        return LocalFile(
            place: numbers.one(of: places), stamp: stamp, state: numbers.one(of: states),
            since: Timestamp(milliseconds: Int64(numbers.below(1_000))),
            agreed: agreement(&numbers))
    }

    let asideNames = (0..<4).map {
        AsideName(.trash, fileName: Array("a \($0).jpg".utf8), number: $0)
    }

    private func agreement(_ numbers: inout SeededNumbers) -> Agreement? {
        guard numbers.below(3) > 0 else { return nil }
        var agreement = someAgreement(&numbers)
        if numbers.below(2) == 0 { agreement.fileName = [0xFF, UInt8(numbers.below(9))] }
        if numbers.below(2) == 0 { agreement.modifiedAt = Int64(numbers.below(1_000)) }
        return agreement
    }

    private func someAgreement(_ numbers: inout SeededNumbers) -> Agreement {
        let digest = numbers.below(digests.count)
        return Agreement(
            asset: numbers.one(of: keys).id, role: numbers.one(of: BlobRole.keptAsFiles),
            digest: digests[digest], byteCount: Int64(digest + 1) * 100,
            name: numbers.one(of: places).path.text)
    }

    private func earlierContent(_ numbers: inout SeededNumbers) -> EarlierContent {
        EarlierContent(digest: numbers.one(of: digests), asset: numbers.one(of: keys).id)
    }

    private func intent(_ numbers: inout SeededNumbers) -> Intent {
        let place = numbers.one(of: places)
        let kinds: [Intent.Kind] = [
            .trash(numbers.one(of: asideNames), .deleted),
            .leave(AsideName(.leaving, "b"), receipts: Array(digests.prefix(numbers.below(3)))),
            .rename(to: Place(root: place.root, path: RelativePath(bytes: [0x62, 0xFF]))),
        ]
        return Intent(
            place: place, stamp: file(&numbers).stamp,
            agreed: numbers.below(3) > 0 ? someAgreement(&numbers) : nil,
            kind: numbers.one(of: kinds), at: Timestamp(milliseconds: 5))
    }

    private func trashedFile(_ numbers: inout SeededNumbers) -> TrashedFile {
        TrashedFile(
            name: numbers.one(of: asideNames), place: numbers.one(of: places),
            stamp: file(&numbers).stamp, agreed: someAgreement(&numbers),
            cause: numbers.one(of: [.deleted, .replaced, .refused]), at: Timestamp(milliseconds: 6))
    }

    private func fields(_ numbers: inout SeededNumbers) -> Fields {
        var fields: Fields = ["name": .string("ä\n.jpg"), "favorite": .bool(true)]
        switch numbers.below(4) {
        case 0: fields["name"] = .string(numbers.one(of: places).path.text)
        case 1: fields["name"] = nil
        default: break
        }
        if numbers.below(4) == 0 {
            fields["conflictsWith"] = .string(numbers.one(of: keys).id.text)
        }
        return fields
    }

    private func remote(_ numbers: inout SeededNumbers) -> RemoteRecord {
        let key = numbers.one(of: keys)
        let moment = Timestamp(milliseconds: Int64(numbers.below(1_000)))
        var envelope = Envelope(
            sequence: Int64(numbers.below(100)), createdAt: moment,
            createdBy: AccountID(high: 1, low: 1), changedAt: moment,
            changedBy: DeviceID(high: 2, low: numbers.next()))
        if numbers.below(4) == 0 { envelope.trashedAt = moment }
        if numbers.below(4) == 0 {
            envelope.derivedFrom = Base(epoch: Epoch(rawValue: 1), sequence: 4)
        }
        let isDeleted = numbers.below(5) == 0
        var blobs: [String: BlobReference] = [:]
        var left = digests
        for role in ["original", "sidecar", "edited"] where numbers.below(2) == 0 {
            let digest = left.remove(at: numbers.below(left.count))
            let size = (digests.firstIndex(of: digest) ?? 0) + 1
            blobs[role] = BlobReference(
                digest: digest, byteCount: Int64(size) * 100, mediaType: "image/jpeg")
        }
        return RemoteRecord(
            record: Record(
                key: key, envelope: envelope,
                fields: isDeleted ? nil : fields(&numbers),
                blobs: isDeleted ? [:] : blobs,
                joinedInto: isDeleted && numbers.below(2) == 0
                    ? RecordID(high: 9, low: 9) : nil),
            epoch: Epoch(rawValue: 2), listing: Int64(numbers.below(4)))
    }
}
