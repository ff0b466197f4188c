import GRDB
import GRDBSQLite
import Records

/// Brings a database's schema up to date, or refuses it.
enum SQLiteSchema {
    /// In the header of the file: tells Martlet's databases from those of other programs.
    static let applicationID: Int32 = 0x4D52_544C  // MRTL

    /// STRICT tables came with SQLite 3.37.
    static let sqliteVersionMin: Int32 = 3_037_000

    /// Looks at a file without changing it: opening it for writing already would.
    static func check(
        _ path: String, _ migrations: [Migration], for purpose: DatabasePurpose
    ) throws {
        guard try Files.look(path).map({ $0.byteCount > 0 }) ?? false else { return }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(Double(Limits.databaseBusySeconds))
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.read { database in
            if try isOurs(database) { _ = try applied(database, of: migrations, for: purpose) }
        }
        try queue.close()
    }

    static func bring(
        _ database: GRDB.Database, to migrations: [Migration], for purpose: DatabasePurpose
    ) throws {
        guard sqlite3_libversion_number() >= sqliteVersionMin else {
            throw StorageError(.cannotOpen, "Martlet needs SQLite 3.37 or later: update SQLite.")
        }
        try database.inTransaction(.immediate) {
            try claim(database)
            let applied = try applied(database, of: migrations, for: purpose)
            for (position, migration) in migrations.enumerated().dropFirst(applied) {
                try database.execute(sql: migration.sql)
                try database.execute(
                    sql: "INSERT INTO migration (position, name) VALUES (?, ?)",
                    arguments: [position, migration.name])
            }
            return .commit
        }
    }

    /// How many of `migrations` a database has taken that nobody has claimed to be ours yet; one that
    /// a move has marked is refused.
    static func count(
        of migrations: [Migration], in database: GRDB.Database
    ) throws -> Int {
        try isOurs(database) ? applied(database, of: migrations, for: .serving) : 0
    }

    /// How many of `migrations` the database has taken.
    ///
    /// Throws for others than the first ones.
    private static func applied(
        _ database: GRDB.Database, of migrations: [Migration], for purpose: DatabasePurpose
    ) throws -> Int {
        let applied = try String.fetchAll(
            database, sql: "SELECT name FROM migration ORDER BY position")
        return try purpose.count(applied, of: migrations)
    }

    /// Whether it is Martlet's; `false` for an empty one.
    ///
    /// Throws for another program's.
    private static func isOurs(_ database: GRDB.Database) throws -> Bool {
        let found = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        if found == applicationID { return true }
        let tables = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
        guard found == 0, tables == 0 else {
            throw StorageError(
                .notOurDatabase,
                "The file is another program's database: name another folder for Martlet.")
        }
        return false
    }

    /// Marks an empty file as Martlet's.
    private static func claim(_ database: GRDB.Database) throws {
        guard try !isOurs(database) else { return }
        try database.execute(
            sql: """
                PRAGMA application_id = \(applicationID);
                -- One row for each step of the schema that this database has taken.
                CREATE TABLE migration (
                    position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE
                ) STRICT;
                """)
    }
}
