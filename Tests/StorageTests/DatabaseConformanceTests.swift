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
            .null, .integer(.min), .integer(.max), .real(-0.5), .text(""), .text("Zoë\u{0}🌊"),
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

    @Test(arguments: DatabaseKind.allCases)
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
