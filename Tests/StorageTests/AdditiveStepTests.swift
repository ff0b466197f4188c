import Records
import Storage
import Synchronization
import TestSupport
import Testing

/// Steps of the schema that an older program lives with.
@Suite struct AdditiveStepTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let old = DatabaseKind.migrations
    private static let notes = Migration(
        name: "2 notes (additive)",
        sql: """
            -- What people say; an older program makes none.
            ALTER TABLE thing ADD COLUMN note TEXT;
            CREATE TABLE mark (
                thing INTEGER PRIMARY KEY REFERENCES thing (id) ON DELETE CASCADE,
                word TEXT NOT NULL
            ) STRICT;
            CREATE INDEX markByWord ON mark (word);
            """)
    private static let gone = Migration(name: "3 no parts", sql: "DROP TABLE part;")

    private func open(
        _ isPostgres: Bool, _ migrations: [Migration], for purpose: DatabasePurpose = .serving
    ) throws -> any Database {
        guard isPostgres else {
            return try SQLiteDatabase(
                path: folder.file("db"), migrations: migrations, for: purpose)
        }
        return try PostgresDatabase(
            PostgresAddress(parsing: TestDatabase.postgresAddress(folder.file("db"))),
            migrations: migrations, for: purpose)
    }

    private func refusal(
        _ isPostgres: Bool, _ migrations: [Migration], for purpose: DatabasePurpose = .serving
    ) -> StorageError.Code? {
        let error = #expect(throws: StorageError.self) {
            _ = try open(isPostgres, migrations, for: purpose)
        }
        return error?.code
    }

    @Test(arguments: [false, true])
    func `an older program goes on beside what was added, until more than that happens`(
        isPostgres: Bool
    ) async throws {
        let running = try open(isPostgres, Self.old)
        try await running.write { try insert("anna", in: $0) }
        let newer = try open(isPostgres, Self.old + [Self.notes])
        try await newer.write { transaction in
            try transaction.execute("UPDATE thing SET id = 1, note = 'hello'")
            try transaction.execute("INSERT INTO mark (thing, word) VALUES (1, 'x')")
        }
        // The one that runs, and one that starts now.
        try await running.write { try insert("bert", in: $0) }
        let started = try open(isPostgres, Self.old)
        try await started.write { transaction in
            try insert("carl", in: transaction)
            try transaction.execute("DELETE FROM thing WHERE name = 'anna'")
        }
        #expect(try await names(in: newer) == ["bert", "carl"])
        let marks = try await newer.read { try $0.rows("SELECT word FROM mark") }
        #expect(marks.isEmpty)
        _ = try open(isPostgres, Self.old + [Self.notes])

        // Who copies rows must know all of them.
        for purpose in [DatabasePurpose.copying, .movingFrom, .movingTo] {
            #expect(refusal(isPostgres, Self.old, for: purpose) == .databaseFromNewerVersion)
        }
        // Another step at the same place, and one that takes something away.
        let other = Migration(name: "2 others", sql: "CREATE TABLE other (id INTEGER PRIMARY KEY)")
        #expect(refusal(isPostgres, Self.old + [other]) == .databaseFromNewerVersion)
        _ = try open(isPostgres, Self.old + [Self.notes, Self.gone])
        #expect(refusal(isPostgres, Self.old) == .databaseFromNewerVersion)
        #expect(refusal(isPostgres, Self.old + [Self.notes]) == .databaseFromNewerVersion)
        #expect(try await names(in: running) == ["bert", "carl"])
    }

    @Test func `rows that a program does not know are not left out of its copies`() async throws {
        let steps = [
            Migration(name: "1 things", sql: "CREATE TABLE thing (id INTEGER PRIMARY KEY) STRICT")
        ]
        let more = Migration(
            name: "2 marks (additive)",
            sql: "CREATE TABLE mark (id INTEGER PRIMARY KEY, word TEXT) STRICT")
        for isPostgres in [false, true] {
            let old = try open(isPostgres, steps)
            try await SQLiteSnapshot.make(
                folder.file("before\(isPostgres)"), of: old, migrations: steps)
            let newer = try open(isPostgres, steps + [more])
            try await newer.write {
                _ = try $0.execute("INSERT INTO mark (id, word) VALUES (7, 'x')")
            }
            let copy = folder.file("copy\(isPostgres)")
            do {
                try await SQLiteSnapshot.make(copy, of: old, migrations: steps)
                #expect(!isPostgres)
            } catch let error as StorageError {
                #expect(error.code == .databaseFromNewerVersion && isPostgres)
                try await SQLiteSnapshot.make(copy, of: newer, migrations: steps + [more])
            }
            let words = try SQLiteSnapshot.read(copy) { try $0.rows("SELECT id, word FROM mark") }
            #expect(words.map(\.values) == [[7, "x"]])
        }
    }

    @Test func `servers that write notice nothing of a newer one's start`() async throws {
        let running = try open(true, Self.old)
        let isEnding = Mutex(false)
        async let written = {
            var count = 0
            while !isEnding.withLock({ $0 }) {
                let name = "thing \(count)"
                try await running.write { try insert(name, in: $0) }
                _ = try await names(in: running)
                count += 1
            }
            return count
        }()
        var steps = Self.old
        for number in 1...10 {
            steps.append(
                Migration(
                    name: "\(number + 1) more (additive)",
                    sql: """
                        ALTER TABLE thing ADD COLUMN more\(number) TEXT;
                        CREATE INDEX byMore\(number) ON thing (more\(number));
                        """))
            _ = try open(true, steps)
        }
        isEnding.withLock { $0 = true }
        let count = try await written
        #expect(count > 0)
        #expect(try await names(in: open(true, steps)).count == count)
    }

    @Test(arguments: [
        ("CREATE TABLE a (x INTEGER PRIMARY KEY, y TEXT NOT NULL) STRICT;", true),
        ("CREATE INDEX byX ON a (x); -- DROP TABLE a;", true),
        ("ALTER TABLE a ADD COLUMN y TEXT", true),
        ("alter table a add column y INTEGER NOT NULL DEFAULT 0;", true),
        ("CREATE TABLE b (a INTEGER REFERENCES a (x) ON DELETE SET NULL)", true),
        ("ALTER TABLE a ADD COLUMN y INTEGER NOT NULL", false),
        ("ALTER TABLE a ADD COLUMN y INTEGER CHECK (y > 0)", false),
        ("ALTER TABLE a RENAME COLUMN x TO y", false),
        ("CREATE UNIQUE INDEX byX ON a (x)", false),
        ("CREATE TABLE b (a INTEGER REFERENCES a (x))", false),
        ("CREATE TABLE b (x TEXT); DROP TABLE a", false),
        ("UPDATE a SET x = 1", false),
    ])
    func `only what nobody can break is additive`(sql: String, isAdditive: Bool) {
        #expect((Migration.obstacle(in: sql) == nil) == isAdditive)
    }

    @Test func `a step that says so and is not is a programmer's error`() async {
        await #expect(processExitsWith: .failure) {
            _ = Migration(name: "2 gone (additive)", sql: "DROP TABLE thing")
        }
    }
}
