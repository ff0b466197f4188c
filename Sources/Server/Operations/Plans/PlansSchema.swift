enum PlansSchema {
    static let sql = """
        -- A size with a name that who runs the server offers. NULL is no limit. `nameKey` is the
        -- name as it is compared.
        CREATE TABLE storagePlan (
            nameKey TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            byteCount INTEGER
        ) STRICT;

        -- The plan that a pool's quota comes from; none when the quota was set by itself.
        CREATE TABLE poolPlan (
            pool BLOB PRIMARY KEY REFERENCES pool (id) ON DELETE CASCADE,
            nameKey TEXT NOT NULL REFERENCES storagePlan (nameKey)
        ) STRICT;

        -- What an account asked for last. Unanswered while answeredAt is NULL.
        CREATE TABLE planRequest (
            account BLOB PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
            nameKey TEXT NOT NULL,
            name TEXT NOT NULL,
            askedAt INTEGER NOT NULL,
            answeredAt INTEGER,
            isGranted INTEGER,
            message TEXT
        ) STRICT;

        -- What a pool used on one day of UTC (days since 1970), as it was seen last on it. Kept for
        -- 90 days; begun anew when accounts join the pool or leave it.
        CREATE TABLE poolDay (
            pool BLOB NOT NULL REFERENCES pool (id) ON DELETE CASCADE,
            day INTEGER NOT NULL,
            measuredAt INTEGER NOT NULL,
            usedByteCount INTEGER NOT NULL,
            PRIMARY KEY (pool, day)
        ) STRICT, WITHOUT ROWID;

        -- What was free on the disk of the server's blobs on one day.
        CREATE TABLE diskDay (
            day INTEGER PRIMARY KEY,
            measuredAt INTEGER NOT NULL,
            freeByteCount INTEGER NOT NULL
        ) STRICT;
        """
}
