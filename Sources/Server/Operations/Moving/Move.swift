package import Kernel
package import Records
package import Storage

/// Takes a whole server to another place: the other database, the other kind of store, or both.
///
/// - Every row is copied as it is, so that zones keep their epochs, heads and stamps, devices stay
///   signed in, and receipts are good: to them it is the same server.
/// - First a mark in the target, then one in the source says that the move has begun; neither is
///   opened by a server before it has ended, and the source never again. Killed at any moment, it is
///   run again and goes on: objects behind those that have rows, rows behind the last one.
/// - At the end every row of both is read and compared; an object was hashed on its way, and is on the
///   medium when it has its row.
/// - Nothing that the source has is changed or removed, but for its mark.
package struct Move: Sendable {
    package struct Place: Sendable {
        /// How people name it.
        let name: String
        let database: any Database
        let store: any ObjectStore

        package init(name: String, database: any Database, store: any ObjectStore) {
            self.name = name
            self.database = database
            self.store = store
        }
    }

    package struct Report: Hashable, Sendable {
        package internal(set) var objectCount = 0
        package internal(set) var objectByteCount: Int64 = 0
        package internal(set) var copiedCount = 0
        package internal(set) var copiedByteCount: Int64 = 0
        package internal(set) var rowCount = 0
        package internal(set) var missingCount = 0
        /// The first of those that the source no longer has, or not as they should be.
        package internal(set) var missing: [Digest] = []
        /// Nothing was left to be done.
        package internal(set) var hadEnded = false
    }

    package enum Progress: Hashable, Sendable {
        case objects(done: Int, count: Int, copiedByteCount: Int64)
        case rows(Int)
        case compared(Int)
    }

    private enum Standing { case new, underWay, ending, ended }

    let source: Place
    let target: Place
    /// The objects stay where they are, under the same keys.
    let keepsObjects: Bool
    private let tables: [SchemaTable]
    private let kernel: Kernel

    package init(
        from source: Place, to target: Place, keepsObjects: Bool, kernel: Kernel,
        migrations: [Migration]
    ) throws {
        self.source = source
        self.target = target
        self.keepsObjects = keepsObjects
        self.kernel = kernel
        tables = try SchemaTable.all(of: migrations)
    }

    private var copies: TableCopies {
        TableCopies(
            source: source.database, target: target.database,
            tables: keepsObjects
                ? tables.filter { !["collectorHold", "receiptKey"].contains($0.name) }
                : Self.rowTables(of: tables))
    }

    /// Tables whose rows go as they are, where objects get other keys: theirs come with them.
    ///
    /// What was read back from the old medium says nothing of the new one. The key for receipts goes
    /// with the other keepsakes.
    static func rowTables(of tables: [SchemaTable]) -> [SchemaTable] {
        let others = ["object", "objectRemoval", "lostObject", "collectorHold", "receiptKey"]
        return tables.filter { !others.contains($0.name) }
            .map { $0.name == "holding" ? $0.without(["verifiedAt"]) : $0 }
    }

    private var objects: ObjectMoves {
        ObjectMoves(
            source: ObjectMoves.Source(database: source.database) { [store = source.store] in
                store.read($1, 0..<$2)
            },
            target: ObjectMoves.Place(database: target.database, store: target.store))
    }

    // MARK: - The move

    /// Copies objects only, while servers of the source may run: so that less is left for later.
    package func copyAhead(_ progress: (Progress) -> Void) async throws -> Report {
        let (server, standing) = try await look()
        guard standing == .new || standing == .underWay else { return Report(hadEnded: true) }
        try await takeTarget(server)
        var report = Report()
        try await copyObjects(into: &report, progress)
        return report
    }

    /// The whole move; no server may run at either place.
    ///
    /// Throws `objectsMissing` before the source is left, unless it may go without them; then devices
    /// that have them are asked for them.
    package func run(
        allowsMissing: Bool, at now: Timestamp, prepareTarget: () async throws -> Void,
        _ progress: (Progress) -> Void
    ) async throws -> Report {
        let (server, standing) = try await look()
        guard standing != .ended else { return Report(hadEnded: true) }
        if standing == .ending {
            try await prepareTarget()
            try await end(server, at: now)
            return Report()
        }
        try await takeTarget(server)
        if standing == .new {
            try await copies.empty()
            let mark = MoveMark(.leaving, server: server, place: target.name)
            try await source.database.write { try mark.write(in: $0) }
        }
        var report = Report()
        try await copyObjects(into: &report, progress)
        guard report.missingCount == 0 || allowsMissing else { throw Self.missing(report) }
        report.rowCount = try await copyRows(progress)
        try await prepareTarget()
        try await end(server, at: now)
        return report
    }

    /// The server stays where it is; what was copied is nobody's.
    package static func cancel(in database: any Database) async throws -> MoveMark {
        try await database.write { transaction in
            guard let mark = try MoveMark.read(in: transaction), mark.kind == .leaving else {
                throw MoveError(
                    .notMoving, "No server is on its way from there: there is nothing to give up.")
            }
            try MoveMark.remove(in: transaction)
            return mark
        }
    }

    // MARK: - Steps

    /// Which server it is, and how far it has come.
    private func look() async throws -> (server: String, Standing) {
        let (mark, server) = try await Self.state(of: source.database)
        guard let server else {
            throw MoveError(
                .noServerThere, "No server keeps its data in \(source.name): name its place.")
        }
        let (targetMark, targetServer) = try await Self.state(of: target.database)
        switch (mark?.kind, targetMark?.kind) {
        case (.leaving, _) where mark?.place != target.name,
            (.left, _) where mark?.place != target.name:
            throw MoveError(
                .movedElsewhere,
                mark?.kind == .left
                    ? "The server has moved from \(source.name) to \(mark?.place ?? ""): it is there."
                    : "The server is on its way to \(mark?.place ?? ""): let that move end, or give "
                        + "it up by --cancel.")
        case (.left, nil) where targetServer != server:
            throw MoveError(
                .movedElsewhere,
                "The server has moved to \(target.name), and is not there any more: restore a backup."
            )
        case (.arriving, _):
            throw MoveError(
                .movedElsewhere,
                "A server is on its way to \(source.name), from \(mark?.place ?? ""): let that move "
                    + "end before.")
        case (.restoring, _):
            throw MoveError(
                .movedElsewhere,
                "A backup is being restored to \(source.name): let martlet restore end before.")
        case (.left, nil) where targetServer == server: return (server, .ended)
        case (.left, .arriving) where targetMark?.server == server: return (server, .ending)
        case (.leaving, .arriving) where targetMark?.server == server: return (server, .underWay)
        case (nil, .arriving) where targetMark?.server == server: return (server, .new)
        case (nil, nil) where targetServer == nil, (.leaving, nil) where targetServer == nil:
            try await checkEmpty()
            return (server, .new)
        default: throw taken
        }
    }

    private static func state(
        of database: any Database
    ) async throws -> (MoveMark?, server: String?) {
        try await database.read { transaction in
            let row = try transaction.first("SELECT id FROM server")
            return (
                try MoveMark.read(in: transaction), row.map { Hexadecimal.encode($0.blob(0)) }
            )
        }
    }

    private var taken: MoveError {
        MoveError(
            .targetTaken,
            "\(target.name) holds something already: name a place where nothing is yet.")
    }

    private func checkEmpty() async throws {
        let tables = tables
        let isEmpty = try await target.database.read { transaction in
            try tables.allSatisfy { try $0.lastKey(in: transaction) == nil }
        }
        guard isEmpty else { throw taken }
        if !keepsObjects {
            guard try await target.store.list(after: nil, limit: 1).isEmpty else { throw taken }
        }
    }

    private func takeTarget(_ server: String) async throws {
        if let bucket = target.store as? S3ObjectStore { try await bucket.prepare(server: server) }
        let mark = MoveMark(.arriving, server: server, place: source.name)
        try await target.database.write { try mark.write(in: $0) }
    }

    private func copyObjects(
        into report: inout Report, _ progress: (Progress) -> Void
    ) async throws {
        if keepsObjects {
            (report.objectCount, report.objectByteCount) = try await Self.total(source.database)
            return
        }
        let (count, byteCount) = try await Self.total(source.database)
        let (_, there) = try await Self.total(target.database)
        if let free = try await target.store.freeByteCount(),
            free < byteCount - there + Limits.diskReserveByteCount
        {
            throw StorageError(
                .diskFull,
                "The disk of \(target.name) has \(free) bytes free and needs \(byteCount - there): "
                    + "free some space.")
        }
        let outcome = try await objects.run {
            progress(
                .objects(done: $0.count, count: count, copiedByteCount: $0.copiedByteCount))
        }
        report.objectCount = outcome.count
        report.objectByteCount = outcome.byteCount
        report.copiedCount = outcome.copiedCount
        report.copiedByteCount = outcome.copiedByteCount
        report.missingCount = outcome.missingCount
        report.missing = outcome.missing
    }

    private static func total(
        _ database: any Database
    ) async throws -> (count: Int, byteCount: Int64) {
        try await database.read { transaction in
            let row = try transaction.first("SELECT COUNT(*), SUM(byteCount) FROM object")
            return (row?.int(0) ?? 0, row?.integer(1) ?? 0)
        }
    }

    private static func missing(_ report: Report) -> MoveError {
        MoveError(
            .objectsMissing,
            "The server has lost \(report.missingCount) of its objects, the first is "
                + "\(report.missing.first?.text ?? ""). Put them back, or say --without-missing: "
                + "devices that have them send them again.")
    }

    /// Returns how many there are.
    private func copyRows(_ progress: (Progress) -> Void) async throws -> Int {
        for attempt in 1... {
            try await copies.run { progress(.rows($0)) }
            let (different, rowCount) = try await copies.compare { progress(.compared($0)) }
            if different.isEmpty { return rowCount }
            guard attempt < Limits.moveTriesMax else {
                throw MoveError(
                    .rowsDiffer,
                    "The rows of \(different.joined(separator: ", ")) changed while they were "
                        + "copied: end what writes to \(source.name), and run it again.")
            }
            try await copies.empty()
        }
        return 0
    }

    /// The source is left first: at no moment are there two servers to start.
    private func end(_ server: String, at now: Timestamp) async throws {
        let mark = MoveMark(.left, server: server, place: target.name)
        try await source.database.write { try mark.write(in: $0) }
        if !keepsObjects { try await objects.markMissing(by: kernel, at: now) }
        try await target.database.write { try MoveMark.remove(in: $0) }
    }
}
