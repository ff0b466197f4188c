import SyncEngine

/// The device's database (Documentation/formats.md).
///
/// A step, once released, stays as it is.
enum DeviceSchema {
    static let steps = [
        first, agreements, localChanges, removals, optimizing, conditions, stories, userChanges,
        renaming, services, previews, earlierContents,
    ]

    private static let agreements = """
        -- The base view: which part of which asset the file was when both sides last agreed.
        ALTER TABLE localFile ADD COLUMN agreedAsset BLOB;
        ALTER TABLE localFile ADD COLUMN agreedRole TEXT;
        ALTER TABLE localFile ADD COLUMN agreedDigest BLOB;
        ALTER TABLE localFile ADD COLUMN agreedByteCount INTEGER;
        ALTER TABLE localFile ADD COLUMN agreedName TEXT;
        ALTER TABLE localFile ADD COLUMN agreedFileName BLOB;
        ALTER TABLE localFile ADD COLUMN agreedModifiedAt INTEGER;
        CREATE INDEX localFileAgreed ON localFile (agreedAsset) WHERE agreedAsset IS NOT NULL
        """

    static let newerVersion = RowsError(
        .newerVersion, "This device's database was written by a newer Martlet: update this program."
    )

    /// `user_version` counts the steps that a database has seen.
    private static func version(_ connection: SQLiteConnection) throws(RowsError) -> Int {
        Int(try connection.row("PRAGMA user_version") { $0.integer(0) } ?? 0)
    }

    static func refuseNewer(_ connection: SQLiteConnection) throws(RowsError) {
        guard try version(connection) <= steps.count else { throw newerVersion }
    }

    /// `fill`: gives a step's new columns what follows from the rows of before.
    static func bringUpToDate(
        _ connection: SQLiteConnection, fill: (_ step: String) throws(RowsError) -> Void
    ) throws(RowsError) {
        let version = try version(connection)
        guard version <= steps.count else { throw newerVersion }
        for (index, step) in steps.enumerated().dropFirst(version) {
            try connection.run("BEGIN IMMEDIATE; \(step)")
            try fill(step)
            try connection.run("PRAGMA user_version = \(index + 1); COMMIT")
        }
    }

    private static let first = """
        -- What the device was told at sign-in and by its user; one row.
        CREATE TABLE settings (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            account BLOB NOT NULL, device BLOB NOT NULL, deviceName TEXT NOT NULL,
            zone BLOB NOT NULL, idKey BLOB NOT NULL, library BLOB NOT NULL,
            markGeneration INTEGER NOT NULL, optimizesStorage INTEGER NOT NULL,
            server TEXT NOT NULL
        ) STRICT;
        -- A folder tree to look at; 0 is the library. `onlyNames`: of a one-time import of single
        -- files, their names joined by NUL. `isOnce` roots go when all of theirs is sent.
        CREATE TABLE root (
            id INTEGER PRIMARY KEY, path BLOB NOT NULL, onlyNames BLOB, isOnce INTEGER NOT NULL
        ) STRICT;
        -- One file as this device last saw it. state: 0 unread, 1 read, 2 sidecar, 3 not included,
        -- 4 unreadable. `openPath` is its path while it is unread, or read and named by no
        -- asset, now or before: what is still to do is found by one index.
        CREATE TABLE localFile (
            root INTEGER NOT NULL, folder BLOB NOT NULL, name BLOB NOT NULL,
            inode INTEGER NOT NULL, byteCount INTEGER NOT NULL, modifiedAt INTEGER NOT NULL,
            changedAt INTEGER NOT NULL, state INTEGER NOT NULL, since INTEGER NOT NULL,
            digest BLOB, code TEXT, mediaType TEXT, facts BLOB, openPath BLOB,
            PRIMARY KEY (root, folder, name)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX localFileDigest ON localFile (digest) WHERE digest IS NOT NULL;
        CREATE INDEX localFileOpen ON localFile (root, openPath) WHERE openPath IS NOT NULL;
        CREATE INDEX localFileOpenDigest ON localFile (digest, byteCount)
            WHERE openPath IS NOT NULL AND digest IS NOT NULL;
        CREATE INDEX localFileState ON localFile (state, code, byteCount)
            WHERE state NOT IN (1, 2);
        -- The server's record as this device last heard of it. Of assets outside the trash:
        -- `lacksInLibrary` 1 when a part lies not in the library, `lacksHere` 1 when one lies
        -- nowhere on this device; NULL for everything else. `byteCountLacking`: of those parts
        -- that do not lie in the library.
        CREATE TABLE remote (
            number INTEGER PRIMARY KEY, type TEXT NOT NULL, id BLOB NOT NULL,
            epoch INTEGER NOT NULL, sequence INTEGER NOT NULL, listing INTEGER NOT NULL,
            createdAt INTEGER NOT NULL, createdBy BLOB NOT NULL, changedAt INTEGER NOT NULL,
            changedBy BLOB NOT NULL, trashedAt INTEGER, requires INTEGER NOT NULL,
            keyEpoch INTEGER NOT NULL, fields BLOB, blobs BLOB NOT NULL, joinedInto BLOB,
            derivedEpoch INTEGER, derivedSequence INTEGER,
            lacksInLibrary INTEGER, lacksHere INTEGER, byteCountLacking INTEGER,
            UNIQUE (type, id)
        ) STRICT;
        CREATE INDEX remoteListing ON remote (listing);
        CREATE INDEX remoteLacksInLibrary ON remote (id) WHERE lacksInLibrary = 1;
        CREATE INDEX remoteLive ON remote (lacksHere, byteCountLacking)
            WHERE lacksHere IS NOT NULL;
        -- Which assets name a digest. `isPart`: 1 while it is a part that belongs on devices, 0 for
        -- other blobs and for those of an earlier state.
        CREATE TABLE assetDigest (
            digest BLOB NOT NULL, asset BLOB NOT NULL, isPart INTEGER NOT NULL,
            byteCount INTEGER NOT NULL,
            PRIMARY KEY (digest, asset)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX assetDigestAsset ON assetDigest (asset);
        -- How far the zone's feed is read; one row.
        CREATE TABLE feed (
            one INTEGER PRIMARY KEY CHECK (one = 1), token TEXT, isComplete INTEGER NOT NULL,
            listing INTEGER NOT NULL
        ) STRICT;
        -- A large upload under way.
        CREATE TABLE upload (
            digest BLOB PRIMARY KEY, upload BLOB NOT NULL, startedAt INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID
        """
}
