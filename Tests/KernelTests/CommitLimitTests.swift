import Kernel
import Records
import Storage
import Testing

/// Each limit, and one past it.
@Suite struct CommitLimitTests {
    @Test(arguments: [Limits.recordsPerCommitMax, Limits.recordsPerCommitMax + 1])
    func `a commit has so many records`(count: Int) async throws {
        try await inWorld { world in
            let changes = (0..<count).map { RecordChange(key: album(UInt64($0))) }
            let attempt = Result {
                try world.kernel.apply(
                    [ChangeGroup(id: group(1), changes: changes)], to: world.anna.photos,
                    by: world.anna.phone, at: world.now, in: world.transaction)
            }
            switch attempt {
            case .success(let receipt):
                #expect(count == Limits.recordsPerCommitMax)
                #expect(receipt.results.map(\.status) == [.saved])
            case .failure(let error):
                #expect(count > Limits.recordsPerCommitMax)
                #expect((error as? KernelError)?.code == .tooManyRecords)
            }
        }
    }

    @Test(arguments: [0, 1])
    func `a commit has so many groups`(extra: Int) async throws {
        try await inWorld { world in
            let groups = (0..<Limits.groupsPerCommitMax + extra).map {
                ChangeGroup(id: group(UInt64($0)), changes: [])
            }
            let attempt = Result {
                try world.kernel.apply(
                    groups, to: world.anna.photos, by: world.anna.phone, at: world.now,
                    in: world.transaction)
            }
            #expect((try? attempt.get()) == nil || extra == 0)
        }
    }

    /// Whether they were saved before is asked for 64 groups at a time.
    @Test(arguments: [1, 2, 64, 65, 66, 129])
    func `each of many groups is known when it comes again`(count: Int) async throws {
        try await inWorld { world in
            let groups = (0..<count).map { number in
                ChangeGroup(
                    id: group(UInt64(number)), changes: [RecordChange(key: album(UInt64(number)))])
            }
            func send(_ groups: [ChangeGroup]) throws -> [GroupResult] {
                try world.kernel.apply(
                    groups, to: world.anna.photos, by: world.anna.phone, at: world.now,
                    in: world.transaction
                ).results
            }
            // The last one twice in one request.
            let first = try send(groups + groups.suffix(1))
            #expect(first.count == count + 1 && first.allSatisfy { $0.status == .saved })
            #expect(first.last == first.dropLast().last)
            let head = try world.head()
            let again = try send(groups)
            #expect(again == Array(first.dropLast()))
            #expect(try world.head() == head)
        }
    }

    @Test(arguments: [0, 1])
    func `fields have so many bytes`(extra: Int) async throws {
        try await inWorld { world in
            // {"a":"…"}
            let text = String(repeating: "x", count: Limits.fieldsByteCountMax - 8 + extra)
            let result = try world.commit(RecordChange(key: album(1), set: ["a": .string(text)]))
            #expect(result.status == (extra == 0 ? .saved : .invalidRecord))
        }
    }

    @Test(arguments: [0, 1])
    func `a record has so many blobs`(extra: Int) async throws {
        try await inWorld { world in
            try world.upload("a")
            let roles = (0..<Limits.blobsPerRecordMax + extra).map { ("role\($0)", blob("a")) }
            let result = try world.commit(
                RecordChange(key: asset(1), setBlobs: Dictionary(uniqueKeysWithValues: roles)))
            #expect(result.status == (extra == 0 ? .saved : .invalidRecord))
        }
    }

    @Test(arguments: [
        ("", 5, 5), ("t", 5, 5), (String(repeating: "t", count: 65), 5, 5), ("t", 0, 5),
        ("t", 65, 5), ("t", 5, 0), ("t", 5, 128),
    ])
    func `names within a record have their lengths`(
        type: String, role: Int, mediaType: Int
    ) async throws {
        try await inWorld { world in
            try world.upload("a")
            let reference = BlobReference(
                digest: digest("a"), byteCount: 100,
                mediaType: String(repeating: "m", count: mediaType))
            let result = try world.commit(
                RecordChange(
                    key: key(RecordType(rawValue: type), 1),
                    setBlobs: [String(repeating: "r", count: role): reference]))
            let isGood = type == "t" && role == 5 && mediaType == 5
            #expect(result.status == (isGood ? .saved : .invalidRecord))
        }
    }

    @Test func `a group whose records grow too large is refused`() async throws {
        try await inWorld { world in
            let text = JSONValue.string(
                String(repeating: "x", count: Limits.fieldsByteCountMax - 100))
            let count = Limits.groupByteCountMax / Limits.fieldsByteCountMax + 1
            let changes = (0..<count).map { RecordChange(key: album(UInt64($0)), set: ["a": text]) }
            let receipt = try world.kernel.apply(
                [ChangeGroup(id: group(1), changes: changes)], to: world.anna.photos,
                by: world.anna.phone, at: world.now, in: world.transaction)
            #expect(receipt.results.map(\.status) == [.invalidRecord])
            #expect(try world.head() == 0)
        }
    }

    @Test func `a request that grows beyond a page becomes several commits`() async throws {
        try await inWorld { world in
            let text = JSONValue.string(
                String(repeating: "x", count: Limits.fieldsByteCountMax - 100))
            let groups = (0..<40).map { number in
                ChangeGroup(
                    id: group(UInt64(number)),
                    changes: [RecordChange(key: album(UInt64(number)), set: ["a": text])])
            }
            let receipt = try world.kernel.apply(
                groups, to: world.anna.photos, by: world.anna.phone, at: world.now,
                in: world.transaction)
            #expect(receipt.results.allSatisfy { $0.status == .saved })
            #expect(receipt.token.sequence > 1)
            #expect(receipt.results.last?.sequence == receipt.token.sequence)
            var token: ChangeToken?
            var found = 0
            while true {
                let page = try world.changes(after: token, limit: 2_000)
                let byteCount = page.records.count * Limits.fieldsByteCountMax
                #expect(byteCount <= Limits.pageByteCountMax + Limits.fieldsByteCountMax)
                found += page.records.count
                token = page.token
                if !page.more { break }
            }
            #expect(found == 40 && token == receipt.token)
        }
    }
}
