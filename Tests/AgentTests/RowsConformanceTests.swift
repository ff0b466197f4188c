import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

/// The database keeps the same promises as the rows in memory that the simulator runs on: one
/// body of random changes over both, and every question answered alike.
@Suite struct RowsConformanceTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `the database and the memory answer every question alike`(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let (database, memory) = try RowsWorld.both(in: folder)
        var numbers = SeededNumbers(seed: seed)
        let world = RowsWorld()
        for _ in 0..<15 {
            try database.transaction { () throws(RowsError) in
                for _ in 0..<12 {
                    let change = world.change(&numbers)
                    try change.apply(to: database)
                    try change.apply(to: memory)
                }
            }
            try Self.compare(database, memory, world, "seed \(seed)")
        }
    }

    @Test func `a transaction that throws leaves nothing behind`() throws {
        let folder = try TemporaryFolder()
        let (database, _) = try RowsWorld.both(in: folder)
        let upload = UploadRow(
            digest: Digest(of: [1]), upload: UploadID(high: 1, low: 2),
            startedAt: Timestamp(milliseconds: 3))
        #expect(throws: RowsError.self) {
            try database.transaction { () throws(RowsError) in
                try database.save(upload)
                throw RowsError(.unavailable, "Stopped in the middle.")
            }
        }
        #expect(try database.upload(of: upload.digest) == nil)
    }

    @Test func `what was written is there when the database is opened again`() throws {
        let folder = try TemporaryFolder()
        let file = LocalFile(
            place: Place(root: .library, path: RelativePath(bytes: [0x32, 0x2F, 0xFF, 0x0A])),
            stamp: FileStamp(inode: .max, byteCount: 5, modifiedAt: -7, changedAt: .max),
            state: .unread, since: Timestamp(milliseconds: 9))
        do {
            let (database, _) = try RowsWorld.both(in: folder)
            try database.transaction { () throws(RowsError) in try database.save(file) }
        }
        let again = try DatabaseRows(path: folder.file("device.sqlite"))
        #expect(try again.localFile(at: file.place) == file)
        #expect(try again.settings == RowsWorld.settings)
        let reader = try DatabaseRows(readingFrom: folder.file("device.sqlite"))
        #expect(try reader.openLocalFiles(after: nil, limit: 10) == [file])
    }

    @Test func `a newer Martlet's database is refused`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("device.sqlite")
        _ = try DatabaseRows(path: path)
        // `user_version` lies in the bytes 60 to 63 of SQLite's header.
        var bytes = try #require(folder.bytes("device.sqlite"))
        bytes[63] = 99
        try folder.write("device.sqlite", bytes)
        let error = #expect(throws: RowsError.self) { try DatabaseRows(path: path) }
        #expect(error?.message.contains("newer Martlet") == true)
    }

    @Test func `a file that is no database is said to be damaged`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("device.sqlite")
        try folder.write("device.sqlite", Array(repeating: 0x41, count: 8_192))
        let error = #expect(throws: RowsError.self) { try DatabaseRows(path: path) }
        #expect(error?.code == .damaged)
    }

    @Test func `sources are numbered, kept once and forgotten with their files`() throws {
        let folder = try TemporaryFolder()
        let (rows, _) = try RowsWorld.both(in: folder)
        try rows.transaction { () throws(RowsError) in
            let first = try rows.addRoot(DiskRoot(path: "/pictures"))
            let second = try rows.addRoot(DiskRoot(path: "/camera"), isOnce: true)
            #expect(first != second && !first.isLibrary && !second.isLibrary)
            #expect(try rows.addRoot(DiskRoot(path: "/pictures")) == first)
            // A folder that was imported once and is then made a source stays.
            #expect(try rows.addRoot(DiskRoot(path: "/camera")) == second)
            #expect(try rows.storedRoots().allSatisfy { !$0.isOnce })
            try rows.save(RowsWorld.file(in: first, named: "a.jpg"))
            try rows.removeRoot(first)
            #expect(try rows.roots.map(\.id) == [.library, second])
            #expect(try rows.localFiles(in: Folder(root: first, path: .root)).isEmpty)
        }
    }

    @Test func `a one-time root is finished when nothing of it is open`() throws {
        let folder = try TemporaryFolder()
        let (rows, _) = try RowsWorld.both(in: folder)
        try rows.transaction { () throws(RowsError) in
            let root = try rows.addRoot(
                DiskRoot(path: Array("/camera".utf8), onlyNames: [Array("a.jpg".utf8)]),
                isOnce: true)
            #expect(try rows.storedRoots().last?.disk.onlyNames == [Array("a.jpg".utf8)])
            // Not looked at yet.
            #expect(try rows.finishedRoots().isEmpty)
            var file = RowsWorld.file(in: root, named: "a.jpg")
            try rows.save(file)
            #expect(try rows.finishedRoots().isEmpty)
            file.state = .notIncluded(code: "notAPhoto")
            try rows.save(file)
            #expect(try rows.finishedRoots() == [root])
        }
    }

    private static func compareMissing(
        _ database: DatabaseRows, _ memory: MemoryRows, _ world: RowsWorld, _ comment: Comment
    ) throws {
        #expect(try database.missingCounts() == memory.missingCounts(), comment)
        for folder in Set(memory.missingFiles(after: nil, limit: .max).map(\.place.folder)) {
            #expect(
                try database.missingFiles(in: folder) == memory.missingFiles(in: folder), comment)
        }
        for place in [nil] + world.places {
            #expect(
                try database.missingFiles(after: place, limit: 3)
                    == memory.missingFiles(after: place, limit: 3), comment)
            guard let place else { continue }
            #expect(
                try database.missingFile(at: place) == memory.missingFile(at: place), comment)
        }
        for key in world.keys {
            #expect(
                try database.missingFiles(agreedFor: key.id)
                    == memory.missingFiles(agreedFor: key.id), comment)
        }
        for limit in [1, 3, .max] {
            #expect(
                try database.renamedFiles(limit: limit) == memory.renamedFiles(limit: limit),
                comment)
            #expect(
                try database.editedFiles(limit: limit) == memory.editedFiles(limit: limit), comment)
            #expect(
                try database.localFiles(notIncluded: "notAPhoto", limit: limit)
                    == memory.localFiles(notIncluded: "notAPhoto", limit: limit), comment)
        }
        #expect(try database.unapprovedEditCount() == memory.unapprovedEditCount(), comment)
        for time in [0, 20, 49] as [Int64] {
            let since = Timestamp(milliseconds: time)
            #expect(
                try database.sentChangeCount(since: since) == memory.sentChangeCount(since: since),
                comment)
        }
        for file in memory.allFiles {
            #expect(
                try database.hasUnreadFile(of: file.stamp.byteCount)
                    == memory.hasUnreadFile(of: file.stamp.byteCount), comment)
            #expect(
                try database.hasUnknownFile(like: file.stamp)
                    == memory.hasUnknownFile(like: file.stamp), comment)
        }
    }

    private static func compare(
        _ database: DatabaseRows, _ memory: MemoryRows, _ world: RowsWorld, _ comment: Comment
    ) throws {
        #expect(try database.settings == memory.settings, comment)
        #expect(try database.roots == memory.roots, comment)
        #expect(try database.feed() == memory.feed(), comment)
        #expect(try database.intents() == memory.intents(), comment)
        #expect(
            try database.staleFiles(after: nil, limit: 99)
                == memory.staleFiles(after: nil, limit: 99),
            comment)
        let middle = world.places[world.places.count / 2]
        #expect(
            try database.staleFiles(after: middle, limit: 2)
                == memory.staleFiles(after: middle, limit: 2), comment)
        for place in [nil, middle] {
            for limit in [1, 99] {
                #expect(
                    try database.filesNamedOtherwise(after: place, limit: limit)
                        == memory.filesNamedOtherwise(after: place, limit: limit), comment)
            }
        }
        for time in [0, 400, 2_000] as [Int64] {
            let end = Timestamp(milliseconds: time)
            #expect(
                try database.earlierContents(endedBy: end, limit: 7)
                    == memory.earlierContents(endedBy: end, limit: 7), comment)
        }
        for asset in [nil] + world.keys.map(\.id) {
            #expect(
                try database.conflictedCopies(of: asset, limit: 3)
                    == memory.conflictedCopies(of: asset, limit: 3), comment)
        }
        for name in world.asideNames {
            #expect(try database.trashedFile(name) == memory.trashedFile(name), comment)
        }
        for digest in world.digests {
            #expect(
                try database.trashedFiles(with: digest) == memory.trashedFiles(with: digest),
                comment)
        }
        for key in world.keys {
            #expect(
                try database.trashedFiles(of: key.id) == memory.trashedFiles(of: key.id), comment)
        }
        #expect(
            try database.trashedFilesToPurge(limit: 9) == memory.trashedFilesToPurge(limit: 9),
            comment)
        for place in world.places {
            #expect(try database.intent(at: place) == memory.intent(at: place), comment)
        }
        #expect(try database.statistics() == memory.statistics(), comment)
        try compareMissing(database, memory, world, comment)
        for key in world.keys {
            #expect(
                try database.localFiles(agreedFor: key.id) == memory.localFiles(agreedFor: key.id),
                comment)
        }
        for folder in world.folders {
            #expect(
                try database.localFiles(in: folder) == memory.localFiles(in: folder), comment)
            #expect(
                try database.knownFiles(in: folder) == memory.knownFiles(in: folder), comment)
            #expect(
                try database.subfolders(of: folder) == memory.subfolders(of: folder), comment)
            for prefix in world.prefixes {
                #expect(
                    try database.localFiles(in: folder, namePrefix: prefix)
                        == memory.localFiles(in: folder, namePrefix: prefix), comment)
            }
        }
        for place in world.places {
            #expect(
                try database.openLocalFiles(after: place, limit: 3)
                    == memory.openLocalFiles(after: place, limit: 3), comment)
        }
        #expect(
            try database.openLocalFiles(after: nil, limit: 1_000)
                == memory.openLocalFiles(after: nil, limit: 1_000), comment)
        for digest in world.digests {
            #expect(
                try database.localFiles(with: digest) == memory.localFiles(with: digest), comment)
            #expect(try database.assets(with: digest) == memory.assets(with: digest), comment)
            #expect(try database.upload(of: digest) == memory.upload(of: digest), comment)
        }
        for key in world.keys {
            #expect(try database.remote(key) == memory.remote(key), comment)
            #expect(
                try database.assetsNotInLibrary(after: key.id, limit: 2)
                    == memory.assetsNotInLibrary(after: key.id, limit: 2), comment)
        }
        #expect(
            try database.assetsNotInLibrary(after: nil, limit: 1_000)
                == memory.assetsNotInLibrary(after: nil, limit: 1_000), comment)
        for listing in 0...3 as ClosedRange<Int64> {
            #expect(
                try database.remotesNotListed(since: listing, limit: 5)
                    == memory.remotesNotListed(since: listing, limit: 5), comment)
        }
    }
}
