import Records

/// Brings a PostgreSQL database's schema up to date, or refuses it.
enum PostgresSchema {
    /// Of the advisory lock that migrations take: MRTL.
    private static let lockNumber: Int64 = 0x4D52_544C

    /// Says whose table it is.
    private static let mark = "Martlet: one row for each step of the schema taken here"

    /// All steps in one transaction, behind a lock: of servers that start together one does it.
    static func bring(
        _ connection: PostgresConnection, to migrations: [Migration], for purpose: DatabasePurpose
    ) throws(StorageError) {
        try connection.run("BEGIN")
        do throws(StorageError) {
            try connection.run("SET LOCAL lock_timeout = '\(Limits.migrationWaitSeconds)s'")
            _ = try connection.runOnce(
                "SELECT pg_advisory_xact_lock(?)", [.integer(lockNumber)]
            ).rowCount
            try claim(connection)
            let applied = try applied(connection, of: migrations, for: purpose)
            for (position, migration) in migrations.enumerated().dropFirst(applied) {
                try connection.run(PostgresDialect.schema(migration.sql))
                _ = try connection.runOnce(
                    "INSERT INTO migration (position, name) VALUES (?, ?)",
                    [SQLValue(position), .text(migration.name)]
                ).changedCount
            }
            try connection.run("COMMIT")
        } catch {
            connection.rollBack()
            throw error
        }
    }

    private static func applied(
        _ connection: PostgresConnection, of migrations: [Migration], for purpose: DatabasePurpose
    ) throws(StorageError) -> Int {
        let applied = try connection.runOnce("SELECT name FROM migration ORDER BY position", [])
            .rows().map { $0.text(0) }
        return try purpose.count(applied, of: migrations)
    }

    /// Marks an empty schema as Martlet's; throws for one that holds another program's tables.
    private static func claim(_ connection: PostgresConnection) throws(StorageError) {
        let found = try connection.runOnce(
            """
            SELECT COUNT(*), COUNT(*) FILTER (
                WHERE relname = 'migration' AND obj_description(oid, 'pg_class') = ?)
            FROM pg_class WHERE relnamespace = current_schema()::regnamespace
                AND relkind IN ('r', 'p', 'v', 'm')
            """, [.text(mark)]
        ).rows().first
        if found?.integer(1) == 1 { return }
        guard found?.integer(0) == 0 else {
            throw StorageError(
                .notOurDatabase,
                "The database holds another program's tables: make one for Martlet alone.")
        }
        try connection.run(
            """
            CREATE TABLE migration (
                position BIGINT PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE
            );
            COMMENT ON TABLE migration IS '\(mark)'
            """)
    }
}
