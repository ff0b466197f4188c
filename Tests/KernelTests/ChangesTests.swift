import Kernel
import Records
import Storage
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct ChangesTests {
    @Test(arguments: Place.allCases)
    func `a reader goes on where it stopped and sees each record once`(
        place: Place
    ) async throws {
        try await inWorld(place) { world in
            for number in 1...5 as ClosedRange<UInt64> {
                try world.commit(RecordChange(key: album(number)))
            }
            let first = try world.changes(limit: 3)
            #expect(first.more && first.records.map(\.key) == [album(1), album(2), album(3)])
            try world.commit(
                RecordChange(
                    key: album(1), base: try world.base(album(1)), set: ["a": .integer(1)]))
            try world.commit(
                RecordChange(
                    key: album(5), base: try world.base(album(5)), set: ["a": .integer(1)]))
            let second = try world.changes(after: first.token, limit: 3)
            #expect(!second.more && second.records.map(\.key) == [album(4), album(1), album(5)])
            let nothing = try world.changes(after: second.token)
            #expect(nothing == ChangePage(records: [], token: second.token, more: false))
        }
    }

    @Test func `a page ends at a commit's end`() async throws {
        try await inWorld { world in
            try world.commit(RecordChange(key: album(1)), RecordChange(key: album(2)))
            try world.commit(
                RecordChange(key: album(3)), RecordChange(key: album(4)),
                RecordChange(key: album(5)))
            try world.commit(RecordChange(key: album(6)))
            let sizes: [(limit: Int, pages: [Int])] = [
                (1, [2, 3, 1]), (2, [2, 3, 1]), (3, [2, 3, 1]), (4, [2, 4]), (5, [5, 1]),
                (6, [6]), (100, [6]),
            ]
            for (limit, expected) in sizes {
                var pages: [Int] = []
                var token: ChangeToken?
                while true {
                    let page = try world.changes(after: token, limit: limit)
                    pages.append(page.records.count)
                    token = page.token
                    if !page.more { break }
                }
                #expect(pages == expected, "limit \(limit)")
            }
        }
    }

    @Test func `a first listing leaves out tombstones, but none that a page has shown`()
        async throws
    {
        try await inWorld { world in
            for number in 1...4 as ClosedRange<UInt64> {
                try world.commit(RecordChange(key: album(number)))
            }
            func delete(_ number: UInt64) throws {
                try world.commit(
                    RecordChange(
                        key: album(number), action: .delete, base: try world.base(album(number))))
            }
            try delete(2)
            let first = try world.changes(limit: 1)
            #expect(first.records.map(\.key) == [album(1)])
            // While the listing is under way the record that it has shown is deleted.
            try delete(1)
            let rest = try world.changes(after: first.token)
            #expect(rest.records.map(\.key) == [album(3), album(4), album(1)])
            #expect(rest.records.map(\.isDeleted) == [false, false, true])
            #expect(!rest.more && rest.token.listingHead == nil)
            try delete(3)
            #expect(try world.changes(after: rest.token).records.map(\.isDeleted) == [true])
        }
    }

    @Test func `the text of a page is the page`() async throws {
        try await inWorld { world in
            try world.upload("a")
            try world.commit(
                RecordChange(
                    key: asset(1),
                    set: ["title": .string("“Zoë” \\ \n\t\u{1}🌊"), "x": .number(0.1)],
                    setBlobs: ["original": blob("a"), "edited": blob("a")], trashed: true,
                    requires: 1))
            try world.commit(
                RecordChange(
                    key: album(1), derivedFrom: Base(epoch: Epoch(rawValue: 0), sequence: 9)))
            try world.commit(
                RecordChange(
                    key: key(.asset, 2), setBlobs: ["original": blob("a")]))
            try world.commit(
                RecordChange(
                    key: asset(2), action: .delete, base: try world.base(asset(2)),
                    joinedInto: asset(1).id))
            for (token, limit) in [(nil, 100), (world.zone.token, 100), (nil, 1)] {
                let text = try world.kernel.encodedChanges(
                    in: world.anna.photos, for: world.anna.account, after: token, limit: limit,
                    in: world.transaction)
                let decoded = try JSONDecoder().decode(ChangePage.self, from: Data(text))
                #expect(try decoded == world.changes(after: token, limit: limit))
            }
        }
    }

    @Test func `a limit beyond the greatest is the greatest`() async throws {
        try await inWorld { world in
            for batch in 0..<6 {
                let changes = (0..<Limits.recordsPerCommitMax).map {
                    RecordChange(key: album(UInt64(batch * 1_000 + $0)))
                }
                _ = try world.kernel.apply(
                    [ChangeGroup(id: group(UInt64(batch)), changes: changes)],
                    to: world.anna.photos, by: world.anna.phone, at: world.now,
                    in: world.transaction)
            }
            let page = try world.changes(limit: Limits.recordsPerPageMax + 1)
            #expect(page.records.count == Limits.recordsPerPageMax && page.more)
            #expect(try world.changes(limit: 0).records.count == Limits.recordsPerCommitMax)
        }
    }
}
