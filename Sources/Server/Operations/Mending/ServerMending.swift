package import Kernel
package import Records
import Status
package import Storage

/// Makes a server's SQLite database anew from what is proven of a damaged one.
///
/// - Every row is taken over that can be read and whose sum fits; one bit that changed is put right by
///   the sum. What follows from records is made anew from them, and objects are compared with what is
///   in the store.
/// - Records that are lost are sent again by the devices that have them: a new epoch begins. Their bytes
///   are kept for a year.
/// - The new database takes the place only when the doctor finds nothing in it; the damaged one is moved
///   aside whole, and can be put back.
/// - Refuses when rows are lost that nothing else knows (accounts, passwords, zones, quotas), or so many
///   records that a backup is better.
package struct ServerMending: Sendable {
    package struct Report: Hashable, Sendable {
        package var rowCount = 0
        /// Rows in which one bit was put right.
        package var correctedCount = 0
        /// Rows that were taken over though their sums are lost, by table.
        package var unproven: [String: Int] = [:]
        /// Rows that could not be taken over, by table; 0: nobody knows how many.
        package var lost: [String: Int] = [:]
        package var epoch = Epoch(rawValue: 0)
        /// Where the damaged database is now.
        package var aside = ""
    }

    /// Nothing else knows what is in them.
    private static let essential = Set(["server", "pool", "account", "zone", "credential"])

    let places: MendingPlaces
    let store: any ObjectStore
    let kernel: Kernel
    let migrations: [Migration]
    let surroundings: ExaminedServer.Surroundings

    package init(
        _ places: MendingPlaces, store: any ObjectStore, kernel: Kernel, migrations: [Migration],
        surroundings: ExaminedServer.Surroundings
    ) {
        self.places = places
        self.store = store
        self.kernel = kernel
        self.migrations = migrations
        self.surroundings = surroundings
    }

    /// Call it while no server runs.
    ///
    /// Throws `MendingError`, with everything as it was. Blocks.
    package func run() async throws -> Report {
        try places.putBack()
        try checkRoom()
        try removeNew()
        do {
            var report = try await makeNew()
            try await prove()
            report.aside = try places.exchange(for: places.new, at: surroundings.now())
            return report
        } catch {
            try? removeNew()
            throw error
        }
    }

    private func checkRoom() throws {
        let byteCount = try PlainFiles.byteCount(places.database) ?? 0
        let free = try PlainFiles.freeByteCount(places.folder)
        guard free > byteCount * 2 + Limits.diskReserveByteCount else {
            throw MendingError(
                .noRoom,
                "A second database needs \(EvidenceText.bytes(byteCount * 2)) in \(places.folder): "
                    + "free some space.")
        }
    }

    private func removeNew() throws {
        for end in ["", "-wal", "-shm"] { try PlainFiles.remove(places.new + end) }
    }

    // MARK: - The new database

    private func makeNew() async throws -> Report {
        let salvage: SQLiteSalvage
        do { salvage = try SQLiteSalvage(path: places.database) } catch {
            throw Self.unreadable
        }
        try checkSteps(salvage)
        let database = try SQLiteDatabase(path: places.new, migrations: migrations)
        var report = Report()
        var broken: Set<String> = []
        let proofs = RowProofs(salvage)
        let derived = Set(kernel.projectionTables + ["poolBlob", "rowSum"])
        for table in try SchemaTable.all(of: migrations) where !derived.contains(table.name) {
            let isWhole = try await copy(table, from: salvage, to: database, proofs, &report)
            if !isWhole { broken.insert(table.name) }
        }
        try check(report, broken, salvage)
        let areReferencesWhole =
            !broken.contains("blobReference") && report.lost["blobReference"] == nil
        report.lost["blobReference"] = nil
        try await follow(database, areReferencesWhole, &report)
        try database.close()
        for end in ["-wal", "-shm"] { try PlainFiles.remove(places.new + end) }
        try PlainFiles.sync(places.new)
        return report
    }

    private static var unreadable: MendingError {
        MendingError(
            .unreadable, "Nothing can be read of the database: \(MendingError.restore)")
    }

    /// One of them may have been damaged itself.
    private func checkSteps(_ salvage: SQLiteSalvage) throws {
        guard let steps = salvage.steps(), !steps.isEmpty else { throw Self.unreadable }
        let names = migrations.map(\.name)
        let different = zip(steps, names).count { $0 != $1 }
        guard steps.count == names.count, different <= 1 else {
            throw MendingError(
                .otherVersion,
                "The database is of another version of Martlet, or was moved away: use the version "
                    + "that wrote it.")
        }
    }

    /// Returns whether the whole table could be read.
    private func copy(
        _ table: SchemaTable, from salvage: SQLiteSalvage, to database: SQLiteDatabase,
        _ proofs: RowProofs, _ report: inout Report
    ) async throws -> Bool {
        let cursor = salvage.rows(of: table)
        var (batch, readCount, lostCount): ([SQLRow], Int, Int) = ([], 0, 0)
        while let row = cursor.next() {
            readCount += 1
            switch proofs.judge(row, of: table) {
            case .proven(let values): batch.append(SQLRow(values))
            case .corrected(let values):
                report.correctedCount += 1
                batch.append(SQLRow(values))
            case .unproven(let values):
                report.unproven[table.name, default: 0] += 1
                batch.append(SQLRow(values))
            case .damaged: lostCount += 1
            }
            guard batch.count >= Limits.tablePageRowsMax else { continue }
            lostCount += try await insert(batch, table, database)
            batch = []
        }
        lostCount += try await insert(batch, table, database)
        report.rowCount += readCount - lostCount
        if !cursor.isWhole {
            let all = Self.countingIndexes[table.name].flatMap { index in
                salvage.number("SELECT COUNT(*) FROM \(table.name) INDEXED BY \(index)")
            }
            if let all { lostCount += max(0, Int(all) - readCount) }
            report.lost[table.name] = lostCount
        } else if lostCount > 0 {
            report.lost[table.name] = lostCount
        }
        return cursor.isWhole
    }

    /// By which their rows can be counted when the table itself cannot be read through.
    private static let countingIndexes = [
        "record": "recordBySequence", "retained": "retainedByRecord",
    ]

    /// Returns how many break a rule: such rows were written by no server.
    private func insert(
        _ rows: [SQLRow], _ table: SchemaTable, _ database: SQLiteDatabase
    ) async throws -> Int {
        try await database.write { transaction in
            do {
                try transaction.savepoint { try table.insert(rows, in: transaction) }
                return 0
            } catch let error as StorageError where error.code == .constraint {
                var refusedCount = 0
                for row in rows {
                    do {
                        try transaction.savepoint { try table.insert([row], in: transaction) }
                    } catch let error as StorageError where error.code == .constraint {
                        refusedCount += 1
                    }
                }
                return refusedCount
            }
        }
    }

    private func check(
        _ report: Report, _ broken: Set<String>, _ salvage: SQLiteSalvage
    ) throws {
        let gone = Self.essential.filter { broken.contains($0) || report.lost[$0] != nil }
        guard gone.isEmpty else {
            throw MendingError(
                .essentialRowsLost,
                "Rows are lost that nothing else knows (\(gone.sorted().joined(separator: ", "))): "
                    + MendingError.restore)
        }
        for table in ["record", "retained"] {
            guard let lost = report.lost[table] else { continue }
            let isKnown =
                !broken.contains(table)
                || Self.countingIndexes[table].flatMap {
                    salvage.number("SELECT COUNT(*) FROM \(table) INDEXED BY \($0)")
                } != nil
            let isMuch =
                lost > Limits.mendedLossMin && lost * Limits.mendedLossShare > report.rowCount
            guard isKnown, !isMuch else {
                throw MendingError(
                    .tooMuchLost,
                    "\(isKnown ? "\(lost) rows" : "Nobody knows how many rows") of \(table) are "
                        + "lost: " + MendingError.restore)
            }
        }
    }

    // MARK: - What follows

    private func follow(
        _ database: SQLiteDatabase, _ areReferencesWhole: Bool, _ report: inout Report
    ) async throws {
        let now = surroundings.now()
        let keepUntil = now.adding(seconds: Limits.bytesOfLostRowsKeptSeconds)
        try await database.write { [kernel] transaction in
            for row in try transaction.rows("SELECT id FROM zone ORDER BY id") {
                try kernel.mendZone(
                    row.identifier(0), areReferencesWhole: areReferencesWhole, in: transaction)
            }
        }
        let objects = try await MendedObjects(store)
        try await objects.mend(database, store, kernel, at: now)
        report.epoch = try await database.write { [kernel] transaction in
            try kernel.mendHoldings(at: now, keepUntil: keepUntil, in: transaction)
            for account in try kernel.accounts(in: transaction) {
                try kernel.recount(poolOf: account.id, in: transaction)
            }
            try RowSums.sealMissing(SummedTable.all, in: transaction)
            let epoch = try kernel.serverState(in: transaction).epoch
            try kernel.beginEpoch(above: epoch, at: now, in: transaction)
            return try kernel.serverState(in: transaction).epoch
        }
    }

    /// Throws `stillDamaged` for what the doctor would find in the new one.
    private func prove() async throws {
        let new = places.new
        let migrations = migrations
        let server = ExaminedServer(
            place: ExaminedServer.Place(
                folder: places.folder, manifest: "", workFolder: places.folder, holder: nil),
            database: Result { () throws(StorageError) in
                try SQLiteReader(path: new, migrations: migrations)
            }, store: .success(store), kernel: kernel, migrations: migrations,
            surroundings: surroundings, isDeep: false)
        for examination in ServerExaminations.database {
            guard let finding = try await examination.look(server).findings.first else { continue }
            throw MendingError(
                .stillDamaged,
                "What can be read does not fit together (\(finding.message.asCause)): "
                    + MendingError.restore)
        }
        for end in ["-wal", "-shm"] { try PlainFiles.remove(new + end) }
    }
}

extension Limits {
    /// What nothing refers to after a repair is kept: a record that was lost may have.
    static let bytesOfLostRowsKeptSeconds: Int64 = 365 * 86_400
    /// More lost rows than this, and more than one in `mendedLossShare`, are too many to go on
    /// without a backup (P10).
    package static let mendedLossMin = 10
    package static let mendedLossShare = 10
}
