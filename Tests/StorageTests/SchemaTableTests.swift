import Records
import Storage
import TestSupport
import Testing

/// Whole tables, and the mark of a move, in every database.
@Suite struct SchemaTableTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let migrations = [
        Migration(
            name: "1 things",
            sql: """
                CREATE TABLE early (name TEXT PRIMARY KEY) STRICT;
                CREATE TABLE shelf (
                    zone BLOB NOT NULL, id INTEGER NOT NULL, "only" INTEGER, weight REAL,
                    PRIMARY KEY (zone, id)
                ) STRICT, WITHOUT ROWID;
                """),
        Migration(
            name: "2 later",
            sql: """
                CREATE TABLE owner (id BLOB PRIMARY KEY, name TEXT NOT NULL) STRICT;
                CREATE TABLE owned (
                    number INTEGER PRIMARY KEY, owner BLOB NOT NULL REFERENCES owner (id)
                ) STRICT;
                """),
    ]

    private func open(
        _ isPostgres: Bool, _ migrations: [Migration] = migrations,
        for purpose: DatabasePurpose = .serving
    ) throws -> any Database {
        guard isPostgres else {
            return try SQLiteDatabase(
                path: folder.file("db"), migrations: migrations, for: purpose)
        }
        return try PostgresDatabase(
            PostgresAddress(parsing: TestDatabase.postgresAddress(folder.file("db"))),
            migrations: migrations, for: purpose)
    }

    @Test func `tables are listed with their keys, those that others refer to first`() throws {
        let tables = try SchemaTable.all(of: Self.migrations)
        #expect(tables.map(\.name) == ["early", "shelf", "owner", "owned"])
        #expect(tables[1].columns == ["zone", "id", "only", "weight"])
        #expect(tables[1].key == ["zone", "id"])
        #expect(tables[1].without(["weight", "id"]).columns == ["zone", "id", "only"])
        // A table that was made anew later stands behind the one that refers to it.
        let turned = try SchemaTable.all(of: [
            Migration(
                name: "1",
                sql: """
                    CREATE TABLE child (id INTEGER PRIMARY KEY, of INTEGER REFERENCES parent (id))
                        STRICT;
                    CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;
                    """)
        ])
        #expect(turned.map(\.name) == ["parent", "child"])
        #expect(throws: StorageError.self) {
            try SchemaTable.all(of: [Migration(name: "1", sql: "CREATE TABLE a (x INT) STRICT;")])
        }
    }

    @Test(arguments: [false, true])
    func `all rows come in pages, in the same order everywhere`(isPostgres: Bool) async throws {
        let database = try open(isPostgres)
        let table = try SchemaTable.all(of: Self.migrations)[1]
        var expected: [SQLRow] = []
        for zone: [UInt8] in [[], [0, 1], [0x7f], [0x80, 3]] {
            for id: Int64 in -300..<300 {
                expected.append(
                    SQLRow([
                        .blob(zone), .integer(id), id % 3 == 0 ? nil : .integer(id * id),
                        id % 5 == 0 ? nil : .real(Double(id) / 7),
                    ]))
            }
        }
        let rows = expected
        // Not in their order, and no multiple of what one statement takes.
        try await database.write { transaction in
            try table.insert(Array(rows.reversed()), in: transaction)
        }
        var found: [SQLRow] = []
        var key: [SQLValue]?
        var pageCount = 0
        while true {
            let after = key
            let page = try await database.read { try table.page(after: after, in: $0) }
            guard let last = page.last else { break }
            #expect(page.count <= Limits.tablePageRowsMax)
            found += page
            key = table.key(of: last)
            pageCount += 1
        }
        #expect(found == expected)
        #expect(pageCount == 3)
        let last = try await database.read { try table.lastKey(in: $0) }
        #expect(last == [.blob([0x80, 3]), 299])
        let all = try await database.read { transaction in
            var all: [SQLRow] = []
            try table.forEachRow(in: transaction) { row in
                all.append(row)
                return true
            }
            return all
        }
        #expect(all == expected)
        try await database.write { try table.removeAll(in: $0) }
        #expect(try await database.read { try table.page(after: nil, in: $0) }.isEmpty)
    }

    @Test(arguments: [false, true])
    func `a page of large rows ends early`(isPostgres: Bool) async throws {
        let database = try open(isPostgres)
        let table = try SchemaTable.all(of: Self.migrations)[2]
        try await database.write { transaction in
            for id: UInt8 in 0..<6 {
                try table.insert(
                    [SQLRow([.blob([id]), .text(String(repeating: "x", count: 1 << 20))])],
                    in: transaction)
            }
        }
        let page = try await database.read { try table.page(after: nil, in: $0) }
        #expect(page.count == 4)
        let rest = try await database.read { try table.page(after: [.blob([3])], in: $0) }
        #expect(rest.map { $0.blob(0) } == [[4], [5]])
    }

    @Test(arguments: [false, true], MoveMark.Kind.allCases)
    func `no server opens a database that a move has marked`(
        isPostgres: Bool, kind: MoveMark.Kind
    ) async throws {
        let mark = MoveMark(kind, server: "00ff", place: "/srv/new postgres://me@db/x")
        try await open(isPostgres).write { try mark.write(in: $0) }
        let error = #expect(throws: StorageError.self) { _ = try open(isPostgres) }
        #expect(error?.code == .databaseMoved)
        #expect(error?.message.contains("/srv/new postgres://me@db/x") == true)
        for purpose in [DatabasePurpose.movingFrom, .movingTo] {
            let opened = try open(isPostgres, for: purpose)
            #expect(try await opened.read { try MoveMark.read(in: $0) } == mark)
        }
        let opened = try open(isPostgres, for: .movingTo)
        let other = MoveMark(.left, server: "00ff", place: "/elsewhere")
        try await opened.write { try other.write(in: $0) }
        #expect(try await opened.read { try MoveMark.read(in: $0) } == other)
        try await opened.write { try MoveMark.remove(in: $0) }
        #expect(try await open(isPostgres).read { try MoveMark.read(in: $0) } == nil)
    }

    @Test(arguments: [false, true])
    func `a move brings no schema up to date, and begins one only where it goes`(
        isPostgres: Bool
    ) async throws {
        let first = Array(Self.migrations.prefix(1))
        let nothing = #expect(throws: StorageError.self) {
            _ = try open(isPostgres, for: .movingFrom)
        }
        #expect(nothing?.code == .databaseFromOlderVersion)
        _ = try open(isPostgres, first, for: .movingTo)
        for purpose in [DatabasePurpose.movingFrom, .movingTo] {
            let error = #expect(throws: StorageError.self) {
                _ = try open(isPostgres, for: purpose)
            }
            #expect(error?.code == .databaseFromOlderVersion)
        }
        // Nothing was changed: the older program still opens it.
        _ = try open(isPostgres, first)
        _ = try open(isPostgres)
        let newer = #expect(throws: StorageError.self) {
            _ = try open(isPostgres, first, for: .movingFrom)
        }
        #expect(newer?.code == .databaseFromNewerVersion)
    }
}
