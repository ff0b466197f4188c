package import Storage

extension PhotosSchema {
    /// The projections' tables, behind the kernel's.
    package static let migrations: [Migration] = [
        Migration(name: "2026-11-21 photos: assets and months", sql: assetsAndMonths)
    ]

    /// The numbers in the partial indexes are the readers of this version.
    ///
    /// When `Facts.fullReader` or `PhotosSchema.renderer` rises, a migration makes the indexes
    /// anew, and all that the older ones read or made is found by them.
    private static let assetsAndMonths = """
        -- One row for each picture that the zone has any record of: what its `asset`, `facts` and
        -- `rendering` records say (NULL where there is no such record), and from `section` on what
        -- follows: where it is shown (0 timeline, 1 hidden, 2 trash, 3 nothing to look at, NULL
        -- without an asset), the month (YYYYMM) of its local time, the moment it is sorted by, and
        -- which reader and renderers have done their work on its original (0: none yet; 1000000:
        -- there is nothing to do, without an asset or without a picture in it). Written in
        -- the records' own transaction; can be rebuilt from them.
        CREATE TABLE photoAsset (
            zone BLOB NOT NULL,
            id BLOB NOT NULL,
            name TEXT,
            original BLOB,
            mediaType TEXT,
            byteCount INTEGER,
            sidecar BLOB,
            importedAt INTEGER,
            fileModifiedAt INTEGER,
            correctedText TEXT,
            correctedOffset INTEGER,
            isFavorite INTEGER NOT NULL,
            isHidden INTEGER NOT NULL,
            isTrashed INTEGER NOT NULL,
            factsOf BLOB,
            factsBy INTEGER,
            factsSidecar BLOB,
            kind TEXT,
            width INTEGER,
            height INTEGER,
            duration REAL,
            takenText TEXT,
            takenOffset INTEGER,
            thumbhash BLOB,
            renderingOf BLOB,
            renderingBy INTEGER,
            thumbnail BLOB,
            preview BLOB,
            problem TEXT,
            section INTEGER,
            month INTEGER,
            instant INTEGER,
            readBy INTEGER NOT NULL,
            thumbnailBy INTEGER NOT NULL,
            previewBy INTEGER NOT NULL,
            PRIMARY KEY (zone, id)
        ) STRICT;

        -- The timeline is one range scan of it, in its order.
        CREATE INDEX photoAssetByTime ON photoAsset (zone, section, month, instant DESC, id)
            WHERE section IS NOT NULL;

        -- The work that is to be done, newest first. Facts and thumbnails come before previews.
        CREATE INDEX photoAssetToRead ON photoAsset (zone, instant DESC, id)
            WHERE (readBy < 2 OR thumbnailBy < 1);
        CREATE INDEX photoAssetToPreview ON photoAsset (zone, instant DESC, id)
            WHERE previewBy < 1 AND thumbnailBy >= 1;

        -- The files that no picture could be made from.
        CREATE INDEX photoAssetWithProblem ON photoAsset (zone)
            WHERE problem IS NOT NULL;

        -- How many pictures each month of a section has; no row where there are none.
        CREATE TABLE photoMonth (
            zone BLOB NOT NULL,
            section INTEGER NOT NULL,
            month INTEGER NOT NULL,
            assetCount INTEGER NOT NULL,
            PRIMARY KEY (zone, section, month)
        ) STRICT, WITHOUT ROWID;
        """
}
