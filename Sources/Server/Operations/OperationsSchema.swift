package import Storage

package enum OperationsSchema {
    /// To be applied behind those of the services.
    package static let migrations = [
        Migration(name: "2026-11-21 operations: health and maintenance", sql: healthAndMaintenance),
        Migration(name: "2026-11-21 operations: backups", sql: backups),
    ]

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
