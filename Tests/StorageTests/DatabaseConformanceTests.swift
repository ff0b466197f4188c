import Records
import Storage
import TestSupport
import Testing

@Suite struct DatabaseConformanceTests {
    @Test(arguments: DatabaseKind.allCases)
    func `what was written is read afterwards`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { try insert("anna", in: $0) }
        #expect(try await names(in: database) == ["anna"])
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a write that throws leaves nothing`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        await #expect(throws: Refused.self) {
            try await database.write { transaction in
                try insert("anna", in: transaction)
                throw Refused()
            }
        }
        #expect(try await names(in: database).isEmpty)
    }

    @Test(arguments: DatabaseKind.allCases)
    func `of writes that arrive together those that throw take nothing from the others`(
        kind: DatabaseKind
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let count = Limits.writesPerTransactionMax * 3
        let saved = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<count {
                group.addTask {
                    do {
                        try await database.write { transaction in
                            try insert("\(number)", in: transaction)
                            if number % 3 == 0 { throw Refused() }
                        }
                        return true
                    } catch {
                        return false
                    }
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(saved == count - count / 3)
        let expected = (0..<count).filter { $0 % 3 != 0 }.map(String.init).sorted()
        #expect(try await names(in: database) == expected)
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a savepoint that throws undoes its own part only`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { transaction in
            try insert("anna", in: transaction)
            let outcome = Result<Void, any Error> {
                try transaction.savepoint {
                    try insert("bert", in: transaction)
                    try transaction.savepoint { try insert("carl", in: transaction) }
                    throw Refused()
                }
            }
            #expect(throws: Refused.self) { try outcome.get() }
            try transaction.savepoint { try insert("dora", in: transaction) }
        }
        #expect(try await names(in: database) == ["anna", "dora"])
    }

    @Test(arguments: DatabaseKind.allCases)
    func `values come back as they were`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let values: [SQLValue] = [
            .null, .integer(.min), .integer(.max), .real(-0.5), .text(""), .text("Zoë🌊"),
            .blob([]), .blob([0, 255]), SQLValue(bits: .max), SQLValue(true),
        ]
        let row = try await database.read { transaction in
            try transaction.firstRow("SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?", values)
        }
        #expect(row?.values.dropLast(2) == values.dropLast(2))
        #expect(row?.bits(8) == .max)
        #expect(row?.bool(9) == true)
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a cursor can run the same statement within itself`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { transaction in
            for name in ["a", "b", "c"] { try insert(name, in: transaction) }
        }
        let pairs = try await database.read { transaction in
            var pairs: [String] = []
            let sql = "SELECT name FROM thing WHERE name >= ? ORDER BY name"
            try transaction.forEachRow(sql, ["a"]) { outer in
                try transaction.forEachRow(sql, [outer[0]]) { inner in
                    pairs.append(outer.text(0) + inner.text(0))
                    return true
                }
                return outer.text(0) != "b"
            }
            return pairs
        }
        #expect(pairs == ["aa", "ab", "ac", "bb", "bc"])
    }

    @Test(arguments: DatabaseKind.allCases)
    func `rules of the schema are errors of their own`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { try insert("anna", in: $0) }
        let statements: [(String, [SQLValue])] = [
            ("INSERT INTO thing (name) VALUES (?)", ["anna"]),
            ("INSERT INTO part (thing) VALUES (?)", [77]),
            ("INSERT INTO thing (id, name) VALUES (?, ?)", ["not a number", "bert"]),
        ]
        for (sql, arguments) in statements {
            let error = await #expect(throws: StorageError.self) {
                try await database.write { transaction in
                    _ = try transaction.execute(sql, arguments)
                }
            }
            #expect(error?.code == .constraint)
        }
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a read may not write`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let error = await #expect(throws: StorageError.self) {
            try await database.read { try insert("anna", in: $0) }
        }
        #expect(error?.code == .readOnly)
    }

    /// PostgreSQL's is another program's disk; see `PostgresTests`.
    @Test(arguments: [DatabaseKind.file, .memory])
    func `a full disk is said and takes back nothing that was there`(
        kind: DatabaseKind
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { transaction in
            try insert("anna", in: transaction)
            // The same error as a disk without space, without one.
            _ = try transaction.rows("PRAGMA max_page_count = 32")
        }
        let error = await #expect(throws: StorageError.self) {
            try await database.write { transaction in
                try insert("bert", in: transaction)
                try transaction.execute(
                    "INSERT INTO thing (name, content) VALUES ('large', zeroblob(1000000))")
            }
        }
        #expect(error?.code == .diskFull)
        try await database.write { try insert("carl", in: $0) }
        #expect(try await names(in: database) == ["anna", "carl"])
    }

    @Test(arguments: DatabaseKind.allCases)
    func `text is in the order of its bytes`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let inOrder = ["B", "Z", "_", "a", "b", "z", "~", "ä"]
        try await database.write { transaction in
            for name in inOrder.reversed() { try insert(name, in: transaction) }
        }
        #expect(try await names(in: database) == inOrder)
        let later = try await database.read {
            try $0.rows("SELECT name FROM thing WHERE name > ? ORDER BY name", ["_"])
        }
        #expect(later.map { $0.text(0) } == ["a", "b", "z", "~", "ä"])
    }

    /// The types of arguments come from the values, and a NULL has none.
    @Test(arguments: DatabaseKind.allCases)
    func `a statement takes NULL and values of its columns in turns`(
        kind: DatabaseKind
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let sql = "INSERT INTO thing (name, id, content, weight) VALUES (?, ?, ?, ?)"
        let rows: [[SQLValue]] = [
            ["a", nil, nil, nil], ["b", 1, nil, .real(0.5)], ["c", nil, .blob([]), .real(-1e300)],
            ["d", 2, .blob([1]), nil], ["e", nil, nil, nil],
        ]
        try await database.write { transaction in
            for row in rows { try transaction.execute(sql, row) }
        }
        let found = try await database.read {
            try $0.rows("SELECT name, id, content, weight FROM thing ORDER BY name")
        }
        #expect(found.map(\.values) == rows)
    }

    @Test(arguments: DatabaseKind.allCases)
    func `sums and counts are integers, conditions 0 or 1`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { transaction in
            for (index, id) in [Int64(-20_000), 1 << 40, 123_456_789].enumerated() {
                try transaction.execute(
                    "INSERT INTO thing (name, id) VALUES (?, ?)", [.text("\(index)"), .integer(id)])
            }
        }
        let row = try await database.read {
            try $0.firstRow(
                """
                SELECT SUM(id), COUNT(*), MAX(id) > ?, name = '' OR id = 7, SUM(-id), SUM(id - id)
                FROM thing GROUP BY name = '', name = '' OR id = 7
                """, [0])
        }
        let sum: Int64 = (1 << 40) + 123_456_789 - 20_000
        #expect(row?.values == [.integer(sum), 3, 1, 0, .integer(-sum), 0])
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a cursor goes over more rows than it fetches at once`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { transaction in
            for number in 0..<2_500 {
                try transaction.execute(
                    "INSERT INTO thing (name, id) VALUES (?, ?)",
                    [.text("\(number)"), SQLValue(number)])
            }
        }
        let (all, some) = try await database.read { transaction in
            var (all, some): ([Int], Int) = ([], 0)
            try transaction.forEachRow("SELECT id FROM thing ORDER BY id", []) { row in
                all.append(row.int(0))
                return true
            }
            try transaction.forEachRow("SELECT id FROM thing WHERE id >= ?", [1]) { _ in
                some += 1
                return some < 300
            }
            return (all, some)
        }
        #expect(all == Array(0..<2_500))
        #expect(some == 300)
    }

    @Test func `the connection of the simulator leaves transactions to its caller`() throws {
        try SQLiteScratch.run(migrations: DatabaseKind.migrations) { transaction in
            try transaction.execute("SAVEPOINT seed")
            try insert("anna", in: transaction)
            try transaction.execute("ROLLBACK TO seed")
            #expect(try transaction.rows("SELECT * FROM thing").isEmpty)
            try transaction.execute("RELEASE seed")
        }
    }
}
