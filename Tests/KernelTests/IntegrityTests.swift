import Kernel
import Records
import Storage
import Testing

@Suite struct IntegrityTests {
    @Test func `a damaged row is found by its checksum`() async throws {
        try await inWorld { world in
            let (kernel, transaction, zone) = (
                world.kernel, world.transaction, world.anna.photos
            )
            try world.upload("a")
            try world.upload("b")
            for name in ["a", "b"] {
                try world.commit(
                    RecordChange(
                        key: asset(1), base: try world.base(asset(1)),
                        setBlobs: ["original": blob(name)]))
            }
            for number in 1...5 as ClosedRange<UInt64> {
                try world.commit(RecordChange(key: album(number), set: ["a": .integer(1)]))
            }
            func damaged() throws -> [DamagedRow] {
                var found: [DamagedRow] = []
                var next: Int64? = 0
                while let after = next {
                    let page = try kernel.examineRecords(
                        in: zone, after: after, limit: 2, in: transaction)
                    found += page.damaged
                    next = page.next
                }
                let retained = try kernel.examineRetained(
                    in: zone, after: 0, limit: 10, in: transaction)
                let accounts = try kernel.examineAccounts(in: transaction)
                return found + retained.damaged + accounts
            }
            #expect(try damaged().isEmpty)
            try transaction.execute(
                "UPDATE record SET fields = '{\"a\":3}' WHERE id = ? AND type = 'album'",
                [SQLValue(album(4).id)])
            try transaction.execute("UPDATE retained SET expiresDay = 1")
            try transaction.execute("UPDATE account SET isDisabled = 1 WHERE name = 'bert'")
            let found = try damaged()
            #expect(found.map(\.table) == [.record, .retained, .account])
            #expect(found[0].key == album(4))
            #expect(found[2].account == world.bert.account)
        }
    }

    @Test func `projections are compared with the records and made anew`() async throws {
        try await inWorld { world in
            let kernel = world.kernel
            for number in 1...3 as ClosedRange<UInt64> {
                try world.commit(
                    RecordChange(key: album(number), set: ["title": .string("\(number)")]))
            }
            try world.commit(
                RecordChange(key: album(2), action: .delete, base: try world.base(album(2))))
            func wrong() throws -> [String] {
                try kernel.wrongProjections(of: world.zone, in: world.transaction)
            }
            #expect(try wrong().isEmpty)
            try world.transaction.execute("UPDATE noteTitle SET title = 'x' WHERE title = '1'")
            #expect(try wrong() == ["noteTitle"])
            try kernel.rebuildProjections(of: world.zone, in: world.transaction)
            #expect(try wrong().isEmpty)
            let titles = try world.transaction.rows("SELECT title FROM noteTitle ORDER BY id")
            #expect(titles.map { $0.text(0) } == ["1", "3"])
        }
    }
}
