import Storage
import TestSupport

/// Every implementation of `Database`: one body of tests runs over each.
enum DatabaseKind: CaseIterable, Sendable {
    case file
    case memory
    case postgres

    static let migrations = [
        Migration(
            name: "1 things",
            sql: """
                CREATE TABLE thing (
                    name TEXT PRIMARY KEY, id INTEGER UNIQUE, content BLOB, weight REAL
                ) STRICT;
                CREATE TABLE part (thing INTEGER NOT NULL REFERENCES thing (id)) STRICT;
                """)
    ]

    func open(_ folder: TemporaryFolder) throws -> any Database {
        switch self {
        case .file: try SQLiteDatabase(path: folder.file("db"), migrations: Self.migrations)
        case .memory: try SQLiteDatabase.inMemory(migrations: Self.migrations)
        case .postgres:
            try TestDatabase.openPostgres(folder.file("db"), migrations: Self.migrations)
        }
    }
}

func names(in database: any Database) async throws -> [String] {
    try await database.read { transaction in
        try transaction.rows("SELECT name FROM thing ORDER BY name").map { $0.text(0) }
    }
}

@Sendable func insert(_ name: String, in transaction: any Transaction) throws {
    try transaction.execute("INSERT INTO thing (name) VALUES (?)", [.text(name)])
}

struct Refused: Error {}
