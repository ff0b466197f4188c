/// What a move of a whole server to another place leaves in both databases, and a restore in the one
/// that it fills, as a row behind the steps of the schema.
///
/// No server opens one, of whatever version: even one that knows nothing of moves takes the row for a
/// step of a newer one.
package struct MoveMark: Hashable, Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// The move from here has begun and has not ended.
        case leaving
        /// The server has gone; all here is as it was then.
        case left
        /// What is here is not whole yet.
        case arriving
        /// A backup is being put here, which is not whole yet.
        case restoring
    }

    package let kind: Kind
    /// The server's id.
    package let server: String
    /// The other place, as people name it; of a restore the backup's.
    package let place: String

    package init(_ kind: Kind, server: String, place: String) {
        self.kind = kind
        self.server = server
        self.place = place
    }

    /// Far behind every step.
    private static let position: Int64 = 1_000_000

    /// No step has a name that begins so.
    private var text: String { "~ \(kind.rawValue) \(server) \(place)" }

    /// `nil` for the name of a step.
    init?(parsing text: String) {
        let parts = text.split(separator: " ", maxSplits: 3)
        guard parts.count == 4, parts[0] == "~", let kind = Kind(rawValue: String(parts[1]))
        else { return nil }
        self.init(kind, server: String(parts[2]), place: String(parts[3]))
    }

    package static func read(in transaction: any Transaction) throws(StorageError) -> MoveMark? {
        try transaction.firstRow(
            "SELECT name FROM migration WHERE position = ?", [.integer(position)]
        )
        .flatMap { MoveMark(parsing: $0.text(0)) }
    }

    /// Takes the place of one that is there.
    package func write(in transaction: any Transaction) throws(StorageError) {
        try Self.remove(in: transaction)
        try transaction.execute(
            "INSERT INTO migration (position, name) VALUES (?, ?)",
            [.integer(Self.position), .text(text)])
    }

    package static func remove(in transaction: any Transaction) throws(StorageError) {
        try transaction.execute(
            "DELETE FROM migration WHERE position = ?", [.integer(position)])
    }

    /// What a server hears that would open the database.
    var refusal: StorageError {
        switch kind {
        case .leaving:
            StorageError(
                .databaseMoved,
                "This server is on its way to \(place): run the same martlet migrate again, or give "
                    + "the move up by martlet migrate --cancel.")
        case .left:
            StorageError(
                .databaseMoved, "This server has moved to \(place): start it from there.")
        case .arriving:
            StorageError(
                .databaseMoved,
                "A server is on its way here from \(place): run the same martlet migrate again.")
        case .restoring:
            StorageError(
                .databaseMoved,
                "A restore of the backup in \(place) has not ended: run the same martlet restore "
                    + "again.")
        }
    }
}

/// What a database is opened for.
package enum DatabasePurpose: Sendable {
    /// The schema is brought up to date; a database that a move has marked is refused. It may have
    /// taken additive steps of a newer version.
    case serving
    /// The same for who copies all its rows: he must know every step.
    case copying
    /// The schema must be of this version, and stays as it is.
    case movingFrom
    /// The same, or there is none yet.
    case movingTo

    /// How many of `migrations` a database has taken that says it took `applied`.
    ///
    /// Throws `databaseFromNewerVersion`, `databaseFromOlderVersion` and `databaseMoved` where it is
    /// not to be opened.
    func count(
        _ applied: [String], of migrations: [Migration]
    ) throws(StorageError) -> Int {
        let mark = applied.last.flatMap(MoveMark.init(parsing:))
        switch self {
        case .serving, .copying: if let mark { throw mark.refusal }
        case .movingFrom, .movingTo: break
        }
        let steps = mark == nil ? applied : applied.dropLast()
        let count = try Migration.count(steps, of: migrations, allowsMore: self == .serving)
        switch self {
        case .serving, .copying: break
        case .movingTo where count == 0: break
        case .movingFrom, .movingTo:
            guard count == migrations.count else {
                throw StorageError(
                    .databaseFromOlderVersion,
                    "The database is of an older Martlet: start this one's server on it once, and "
                        + "stop it again.")
            }
        }
        return count
    }
}
