import Library
package import Records
package import SyncEngine

/// `Rows` over SQLite.
///
/// Every list is an index range scan (DeviceSchema). One thread at a time, and writes only within
/// `transaction`.
package final class DatabaseRows: Rows {
    let connection: SQLiteConnection

    /// Opens or makes the database at `path`.
    ///
    /// Throws `newerVersion` for a newer Martlet's, which is left as it is.
    package convenience init(path: String) throws(RowsError) {
        try self.init(path: path, evenDamaged: false)
    }

    /// `evenDamaged`: a new database is made while the note of the old one's damage still lies there.
    init(path: String, evenDamaged: Bool) throws(RowsError) {
        connection = try SQLiteConnection(path: path, evenDamaged: evenDamaged)
        try DeviceSchema.refuseNewer(connection)
        try connection.run(
            """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA mmap_size = 0;
            PRAGMA cache_size = -\(Limits.deviceCacheByteCount >> 10);
            PRAGMA journal_size_limit = \(Limits.deviceLogByteCountMax)
            """)
        try DeviceSchema.bringUpToDate(connection) { (step) throws(RowsError) in
            if step == DeviceSchema.previews { try noteRenditions() }
        }
    }

    /// Looks into the database of a device whose agent may be running; nothing is written.
    package init(readingFrom path: String) throws(RowsError) {
        connection = try SQLiteConnection(path: path, readOnly: true)
        let version = try connection.row("PRAGMA user_version") { $0.integer(0) } ?? 0
        guard version <= DeviceSchema.steps.count else { throw DeviceSchema.newerVersion }
        guard version == DeviceSchema.steps.count else {
            throw RowsError(
                .unavailable,
                "This device's database is of an older Martlet: run martlet sync, which updates it.",
                cause: "it is of an older Martlet")
        }
    }

    /// Reads from a damaged database what it still gives; each call may throw.
    init(salvaging path: String) throws(RowsError) {
        connection = try SQLiteConnection(path: path, readOnly: true, evenDamaged: true)
    }

    /// Runs `body` in one transaction: all of its writes, or none when it throws.
    package func transaction<R>(_ body: () throws(RowsError) -> R) throws(RowsError) -> R {
        try requireFile()
        try connection.run("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try connection.run("COMMIT")
            return result
        } catch {
            try? connection.run("ROLLBACK")
            throw error
        }
    }

    /// Proves that the database can be read as a whole; throws `damaged` with the first finding.
    func check() throws(RowsError) {
        let finding = try connection.row("PRAGMA quick_check(1)") { $0.text(0) } ?? "no answer"
        guard finding == "ok" else {
            connection.keepAsItIs()
            throw RowsError(
                .damaged, "This device's database is damaged (\(finding)).", cause: finding)
        }
    }

    /// Makes all transactions so far outlive a power cut: a checkpoint syncs the log first.
    func makeDurable() throws(RowsError) {
        try connection.run("PRAGMA wal_checkpoint(PASSIVE)")
    }

    // MARK: Settings

    package var settings: DeviceSettings {
        get throws(RowsError) {
            let found = try connection.row("SELECT * FROM settings") {
                (row) throws(RowsError) in
                DeviceSettings(
                    account: try row.identifier(1), device: try row.identifier(2),
                    deviceName: row.text(3), zone: try row.identifier(4), idKey: row.blob(5),
                    library: try row.identifier(6), markGeneration: row.integer(7),
                    optimizesStorage: row.flag(8), server: row.text(9))
            }
            guard let found else {
                throw RowsError(
                    .damaged, "This device's database lacks its settings: sign in again.",
                    cause: "it lacks its settings")
            }
            return found
        }
    }

    package func save(_ settings: DeviceSettings) throws(RowsError) {
        try connection.execute(
            "INSERT OR REPLACE INTO settings VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                .blob(settings.account.bytes), .blob(settings.device.bytes),
                .text(settings.deviceName), .blob(settings.zone.bytes), .blob(settings.idKey),
                .blob(settings.library.bytes), .integer(settings.markGeneration),
                .flag(settings.optimizesStorage), .text(settings.server),
            ])
    }

    package var isSignedIn: Bool {
        get throws(RowsError) { try connection.exists("SELECT 1 FROM settings", []) }
    }

    // MARK: Feed and uploads

    package func feed() throws(RowsError) -> FeedState {
        let found = try connection.row("SELECT token, isComplete, listing FROM feed") {
            (row) throws(RowsError) in
            FeedState(
                token: try row.optionalText(0).map { (text) throws(RowsError) in
                    do { return try ChangeToken(parsing: text) } catch { throw row.damaged() }
                }, isComplete: row.flag(1), listing: row.integer(2))
        }
        return found ?? FeedState()
    }

    package func save(_ feed: FeedState) throws(RowsError) {
        try connection.execute(
            "INSERT OR REPLACE INTO feed VALUES (1, ?, ?, ?)",
            [.optional(feed.token?.text), .flag(feed.isComplete), .integer(feed.listing)])
    }

    package func upload(of digest: Digest) throws(RowsError) -> UploadRow? {
        try connection.row(
            "SELECT upload, startedAt FROM upload WHERE digest = ?", [.blob(digest.bytes)]
        ) { (row) throws(RowsError) in
            UploadRow(
                digest: digest, upload: try row.identifier(0),
                startedAt: Timestamp(milliseconds: row.integer(1)))
        }
    }

    package func save(_ upload: UploadRow) throws(RowsError) {
        try connection.execute(
            "INSERT OR REPLACE INTO upload VALUES (?, ?, ?)",
            [
                .blob(upload.digest.bytes), .blob(upload.upload.bytes),
                .integer(upload.startedAt.milliseconds),
            ])
    }

    package func removeUpload(of digest: Digest) throws(RowsError) {
        try connection.execute("DELETE FROM upload WHERE digest = ?", [.blob(digest.bytes)])
    }

    // MARK: Counts

    package func statistics() throws(RowsError) -> RowStatistics {
        var statistics = RowStatistics()
        let assets = try connection.rows(
            """
            SELECT lacksHere, count(*), sum(byteCountLacking) FROM remote
            WHERE lacksHere IS NOT NULL GROUP BY lacksHere
            """
        ) { (lacks: $0.flag(0), count: Int($0.integer(1)), byteCount: $0.integer(2)) }
        for group in assets {
            statistics.assets += group.count
            statistics.assetsHere += group.lacks ? 0 : group.count
            statistics.byteCountNotInLibrary += group.byteCount
        }
        let onlyHere = try connection.row(
            """
            SELECT count(*), sum(byteCount) FROM (
                SELECT max(byteCount) AS byteCount FROM localFile
                WHERE openPath IS NOT NULL AND digest IS NOT NULL GROUP BY digest)
            """
        ) { (count: Int($0.integer(0)), byteCount: $0.integer(1)) }
        statistics.digestsOnlyHere = onlyHere?.count ?? 0
        statistics.byteCountOnlyHere = onlyHere?.byteCount ?? 0
        statistics.assetsPending = try pendingAssetCount()
        try count(choicesInto: &statistics)
        try countFiles(&statistics)
        return statistics
    }

    private func countFiles(_ statistics: inout RowStatistics) throws(RowsError) {
        let files = try connection.rows(
            """
            SELECT state, code, count(*), sum(byteCount) FROM localFile
            WHERE state NOT IN (1, 2) GROUP BY state, code
            """
        ) { ($0.integer(0), $0.text(1), Int($0.integer(2)), $0.integer(3)) }
        for (state, code, count, byteCount) in files {
            switch LocalState(rawValue: state) {
            case .unread:
                statistics.filesUnread += count
                statistics.byteCountUnread += byteCount
            case .unreadable: statistics.filesUnreadable += count
            case .notIncluded: statistics.filesNotIncluded[code, default: 0] += count
            case .read, .sidecar, nil: break
            }
        }
    }
}

/// The numbers of `localFile.state`.
enum LocalState: Int64 {
    case unread = 0, read, sidecar, notIncluded, unreadable
}

extension SQLiteStatement {
    func damaged() -> RowsError {
        RowsError(.damaged, "This device's database holds a row that cannot be read.")
    }

    func identifier<Subject>(_ column: Int32) throws(RowsError) -> Identifier<Subject> {
        guard let identifier = withBlob(column, { Identifier<Subject>(bytes: $0) }) else {
            throw damaged()
        }
        return identifier
    }

    func digest(_ column: Int32) throws(RowsError) -> Digest {
        guard let digest = withBlob(column, { Digest(bytes: $0) }) else { throw damaged() }
        return digest
    }
}
