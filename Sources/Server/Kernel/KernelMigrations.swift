package import Storage

extension Kernel {
    /// The kernel's schema, where it stands alone.
    package static let migrations = firstMigrations + laterMigrations

    /// To be applied behind those of all modules.
    package static let laterMigrations = [
        Migration(name: "2026-11-22 kernel: sums of rows", sql: rowSums)
    ]

    private static let rowSums = """
        -- The CRC-32C of a row that follows from no others: of its key and of what does not change
        -- with every commit. `key` is the bytes of its key's values. The row without a table's name
        -- says that every row has had its sum.
        CREATE TABLE rowSum (
            tableName TEXT NOT NULL,
            key BLOB NOT NULL,
            crc INTEGER NOT NULL,
            PRIMARY KEY (tableName, key)
        ) STRICT, WITHOUT ROWID;
        """

    /// The kernel's schema before that of all services.
    ///
    /// Services append their own steps behind it.
    package static let firstMigrations: [Migration] = [
        Migration(name: "2026-11-21 kernel: server and accounts", sql: serverAndAccounts),
        Migration(name: "2026-11-21 kernel: zones and records", sql: zonesAndRecords),
        Migration(name: "2026-11-21 kernel: blobs", sql: blobs),
        Migration(name: "2026-11-21 kernel: jobs and devices", sql: jobsAndDevices),
    ]

    private static let serverAndAccounts = """
        -- The server itself: one row. `day` counts the days that it lived through, by which
        -- deletions grow old; `epoch` is raised when it finds that it was rolled back.
        CREATE TABLE server (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            id BLOB NOT NULL,
            epoch INTEGER NOT NULL,
            newEpochAt INTEGER,
            day INTEGER NOT NULL,
            tickedAt INTEGER,
            tickedMonotonic INTEGER,
            tickedProcess INTEGER,
            clockSuspectSince INTEGER
        ) STRICT;

        -- A quota and what counts against it: distinct digests that are referenced or retained in
        -- the zones of its accounts. NULL is no limit.
        CREATE TABLE pool (
            id BLOB PRIMARY KEY,
            quotaByteCount INTEGER,
            usedByteCount INTEGER NOT NULL
        ) STRICT;

        -- A person. How one signs in is kept elsewhere.
        CREATE TABLE account (
            id BLOB PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            pool BLOB NOT NULL REFERENCES pool (id),
            isDisabled INTEGER NOT NULL,
            createdAt INTEGER NOT NULL,
            crc INTEGER NOT NULL
        ) STRICT;
        """

    private static let zonesAndRecords = """
        -- A zone: head is the number of its latest commit, headStamp that commit's random number.
        -- retainedCount numbers its retained revisions.
        CREATE TABLE zone (
            id BLOB PRIMARY KEY,
            owner BLOB NOT NULL REFERENCES account (id),
            kind TEXT NOT NULL,
            encryption INTEGER NOT NULL,
            idKey BLOB NOT NULL,
            epoch INTEGER NOT NULL,
            head INTEGER NOT NULL,
            headStamp INTEGER NOT NULL,
            retainedCount INTEGER NOT NULL,
            createdAt INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX zoneByOwner ON zone (owner, kind);

        -- One row for each commit, kept for ever: a change token is good if its stamp is here.
        -- A new epoch adds a row of its own at the head that it found.
        CREATE TABLE zoneCommit (
            zone BLOB NOT NULL,
            sequence INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            stamp INTEGER NOT NULL,
            committedAt INTEGER NOT NULL,
            PRIMARY KEY (zone, sequence, epoch)
        ) STRICT, WITHOUT ROWID;

        -- The groups that were saved in the last days, so that the same again has no effect.
        CREATE TABLE savedGroup (
            zone BLOB NOT NULL,
            id BLOB NOT NULL,
            sequence INTEGER NOT NULL,
            committedAt INTEGER NOT NULL,
            PRIMARY KEY (zone, id)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX savedGroupByAge ON savedGroup (committedAt);

        -- A record in its latest state. `sequence` is the commit that changed it last, so a reader
        -- goes on with one index range scan. `fields` is NULL in the tombstone of a deleted one.
        -- `fields` and `blobs` are JSON that SQL never looks into. `trashedDay` is the server's
        -- day. `crc` is the CRC-32C of all other columns.
        CREATE TABLE record (
            zone BLOB NOT NULL REFERENCES zone (id),
            type TEXT NOT NULL,
            id BLOB NOT NULL,
            sequence INTEGER NOT NULL,
            createdAt INTEGER NOT NULL,
            createdBy BLOB NOT NULL,
            changedAt INTEGER NOT NULL,
            changedBy BLOB NOT NULL,
            trashedAt INTEGER,
            trashedDay INTEGER,
            requires INTEGER NOT NULL,
            keyEpoch INTEGER NOT NULL,
            derivedEpoch INTEGER,
            derivedSequence INTEGER,
            joinedInto BLOB,
            fields TEXT,
            blobs TEXT NOT NULL,
            crc INTEGER NOT NULL,
            PRIMARY KEY (zone, id, type)
        ) STRICT;
        CREATE INDEX recordBySequence ON record (zone, sequence);
        CREATE INDEX recordByJoin ON record (zone, joinedInto) WHERE joinedInto IS NOT NULL;

        -- An earlier state of a record whose blobs were replaced, or that was deleted (P3).
        -- `expiresDay` is a day of the server's; NULL: until the record is deleted.
        CREATE TABLE retained (
            zone BLOB NOT NULL REFERENCES zone (id),
            number INTEGER NOT NULL,
            type TEXT NOT NULL,
            id BLOB NOT NULL,
            reason TEXT NOT NULL,
            retainedAt INTEGER NOT NULL,
            epoch INTEGER NOT NULL,
            sequence INTEGER NOT NULL,
            createdAt INTEGER NOT NULL,
            createdBy BLOB NOT NULL,
            changedAt INTEGER NOT NULL,
            changedBy BLOB NOT NULL,
            trashedAt INTEGER,
            requires INTEGER NOT NULL,
            keyEpoch INTEGER NOT NULL,
            fields TEXT NOT NULL,
            blobs TEXT NOT NULL,
            expiresDay INTEGER,
            crc INTEGER NOT NULL,
            PRIMARY KEY (zone, number)
        ) STRICT;
        CREATE INDEX retainedByRecord ON retained (zone, id, type);
        CREATE INDEX retainedByExpiry ON retained (expiresDay) WHERE expiresDay IS NOT NULL;

        -- Which records hold which bytes. `revision` is 0 for the latest state, else the number of
        -- the retained revision that still needs them.
        CREATE TABLE blobReference (
            zone BLOB NOT NULL,
            digest BLOB NOT NULL,
            id BLOB NOT NULL,
            type TEXT NOT NULL,
            role TEXT NOT NULL,
            revision INTEGER NOT NULL,
            byteCount INTEGER NOT NULL,
            PRIMARY KEY (zone, digest, id, type, role, revision)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX blobReferenceByRevision ON blobReference (zone, revision)
            WHERE revision > 0;
        """

    private static let blobs = """
        -- What a pool pays for: how many references there are to each distinct digest.
        CREATE TABLE poolBlob (
            pool BLOB NOT NULL,
            digest BLOB NOT NULL,
            byteCount INTEGER NOT NULL,
            referenceCount INTEGER NOT NULL,
            PRIMARY KEY (pool, digest)
        ) STRICT, WITHOUT ROWID;

        -- An account's claim to a blob: all that requests and commits look at. States: 0 staged
        -- (never referred to), 1 referenced, 2 perhaps no longer referenced, 3 lost by the server
        -- and wanted back. Not collected before pinnedUntil.
        CREATE TABLE holding (
            account BLOB NOT NULL REFERENCES account (id),
            digest BLOB NOT NULL,
            byteCount INTEGER NOT NULL,
            state INTEGER NOT NULL,
            heldAt INTEGER NOT NULL,
            verifiedAt INTEGER,
            pinnedUntil INTEGER NOT NULL,
            PRIMARY KEY (account, digest)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX holdingByDigest ON holding (digest);
        CREATE INDEX holdingStaged ON holding (account, byteCount) WHERE state = 0;
        CREATE INDEX holdingIdle ON holding (pinnedUntil) WHERE state IN (0, 2);
        CREATE INDEX holdingLost ON holding (account, digest) WHERE state = 3;

        -- The stored bytes behind holdings, shared by the accounts. Only uploads and the collector
        -- touch it.
        CREATE TABLE object (
            digest BLOB PRIMARY KEY,
            objectKey TEXT NOT NULL UNIQUE,
            byteCount INTEGER NOT NULL,
            storedAt INTEGER NOT NULL
        ) STRICT;

        -- Objects that no row refers to any more, until the store has removed them.
        CREATE TABLE objectRemoval (
            objectKey TEXT PRIMARY KEY,
            queuedAt INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- Objects that were found damaged or gone: whatever is left stays in its place until the
        -- blob has arrived again.
        CREATE TABLE lostObject (
            objectKey TEXT PRIMARY KEY,
            digest BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX lostObjectByDigest ON lostObject (digest);

        -- A resumable upload. Its bytes are staged under an id of the server's own, so that equal
        -- ids of two accounts never meet.
        CREATE TABLE upload (
            account BLOB NOT NULL REFERENCES account (id),
            id BLOB NOT NULL,
            stagedAs BLOB NOT NULL UNIQUE,
            byteCount INTEGER NOT NULL,
            digest BLOB,
            metadata TEXT NOT NULL,
            createdAt INTEGER NOT NULL,
            expiresAt INTEGER NOT NULL,
            PRIMARY KEY (account, id)
        ) STRICT;
        CREATE INDEX uploadByExpiry ON upload (expiresAt);
        """

    private static let jobsAndDevices = """
        -- Work that was begun at least once. What must be done is found by query in the service's
        -- projection; this only says what was tried: until when a worker has it, how often, what
        -- went wrong, and when to try again.
        CREATE TABLE job (
            account BLOB NOT NULL REFERENCES account (id),
            kind TEXT NOT NULL,
            zone BLOB NOT NULL,
            subject BLOB NOT NULL,
            lease INTEGER,
            leasedUntil INTEGER,
            attempts INTEGER NOT NULL,
            error TEXT,
            nextTryAt INTEGER NOT NULL,
            PRIMARY KEY (account, kind, zone, subject)
        ) STRICT, WITHOUT ROWID;

        -- When an account's work of a kind was last taken up, so that accounts take turns.
        CREATE TABLE jobTurn (
            account BLOB NOT NULL REFERENCES account (id),
            kind TEXT NOT NULL,
            turn INTEGER NOT NULL,
            PRIMARY KEY (account, kind)
        ) STRICT, WITHOUT ROWID;

        -- What a device said about itself last: JSON that the kernel does not read.
        CREATE TABLE deviceState (
            account BLOB NOT NULL REFERENCES account (id),
            device BLOB NOT NULL,
            state TEXT NOT NULL,
            reportedAt INTEGER NOT NULL,
            requestCount INTEGER NOT NULL,
            PRIMARY KEY (account, device)
        ) STRICT, WITHOUT ROWID;

        -- What a device is asked to do (answer, retry, pause, examine), until it has heard of it;
        -- answerCount is how often it was told.
        CREATE TABLE deviceRequest (
            account BLOB NOT NULL REFERENCES account (id),
            device BLOB NOT NULL,
            number INTEGER NOT NULL,
            request TEXT NOT NULL,
            answerCount INTEGER NOT NULL,
            createdAt INTEGER NOT NULL,
            PRIMARY KEY (account, device, number)
        ) STRICT, WITHOUT ROWID;
        """
}
