package import Storage

package enum OperationsSchema {
    /// To be applied behind those of the services.
    package static let migrations = [
        Migration(name: "2026-11-21 operations: health and maintenance", sql: healthAndMaintenance),
        Migration(name: "2026-11-21 operations: backups", sql: backups),
    ]

    /// To be applied behind those of all modules.
    package static let laterMigrations = [
        Migration(name: "2026-11-22 operations: reading back", sql: readingBack),
        Migration(name: "2026-11-22 operations: alerts (additive)", sql: AlertSchema.alerts),
        Migration(
            name: "2026-11-22 operations: proofs of backups (additive)", sql: ProofSchema.proofs),
        Migration(name: "2026-11-22 operations: plans and history", sql: PlansSchema.sql),
        Migration(
            name: "2026-11-22 operations: the key for receipts (additive)",
            sql: KeepsakesSchema.sql),
        Migration(
            name: "2026-11-22 operations: nightly backups (additive)",
            sql: BackupScheduleSchema.schedule),
    ]

    private static let readingBack = """
        -- How far the server is with reading its objects back from their medium: one row, once it
        -- has run for a minute. `afterDigest` is the last object that was read in the pass under
        -- way; `lease` is whose turn it is. Counts are of the present pass or the last one.
        CREATE TABLE scrub (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            beganAt INTEGER NOT NULL,
            isUnderWay INTEGER NOT NULL,
            afterDigest BLOB NOT NULL,
            objectCount INTEGER NOT NULL,
            byteCount INTEGER NOT NULL,
            lostCount INTEGER NOT NULL,
            totalByteCount INTEGER NOT NULL,
            endedAt INTEGER,
            doubt TEXT,
            lease INTEGER,
            leasedUntil INTEGER
        ) STRICT;

        -- A device said that it does not have these bytes, which the server has lost.
        CREATE TABLE wantedAnswer (
            account BLOB NOT NULL,
            digest BLOB NOT NULL,
            device BLOB NOT NULL,
            answeredAt INTEGER NOT NULL,
            PRIMARY KEY (account, digest, device)
        ) STRICT, WITHOUT ROWID;
        """

    private static let backups = """
        -- A backup copies objects: until then the collector removes none. One row, or none.
        CREATE TABLE collectorHold (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            until INTEGER NOT NULL
        ) STRICT;

        -- The last whole backup: when its snapshot was made, and the epoch that is in it.
        CREATE TABLE backup (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            madeAt INTEGER NOT NULL,
            epoch INTEGER NOT NULL
        ) STRICT;

        -- The zones' heads that are in it.
        CREATE TABLE backupZone (
            zone BLOB PRIMARY KEY,
            head INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        """

    private static let healthAndMaintenance = """
        -- How a service of the server was on one day of UTC (days since 1970): how long it was seen
        -- in each health, and how long its answers took (LatencyHistogram). Kept for 90 days.
        CREATE TABLE serviceDay (
            service TEXT NOT NULL,
            day INTEGER NOT NULL,
            availableMilliseconds INTEGER NOT NULL,
            degradedMilliseconds INTEGER NOT NULL,
            outageMilliseconds INTEGER NOT NULL,
            maintenanceMilliseconds INTEGER NOT NULL,
            latencies BLOB NOT NULL,
            PRIMARY KEY (service, day)
        ) STRICT, WITHOUT ROWID;

        -- From when on a service was in which health. Kept for 90 days, 1,000 for a service.
        CREATE TABLE serviceChange (
            service TEXT NOT NULL,
            at INTEGER NOT NULL,
            health TEXT NOT NULL,
            PRIMARY KEY (service, at)
        ) STRICT, WITHOUT ROWID;

        -- The owner works on the server until then: one row, or none.
        CREATE TABLE maintenance (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            since INTEGER NOT NULL,
            until INTEGER NOT NULL,
            message TEXT
        ) STRICT;
        """
}
