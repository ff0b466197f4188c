/// Transactions, run where blocking is allowed.
package protocol Database: Sendable {
    /// Runs `body` over one unchanging state. Writes are refused.
    func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R

    /// Runs `body` in a transaction. When this returns, its changes are on the disk (P1); when it
    /// throws, none of them happened, except for `unreachable`, after which they may have.
    /// Writes that arrive together share one sync. `body` may be run more than once, and only its
    /// last run counts: it must change nothing but the database.
    func write<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R
}

/// One step of the schema.
///
/// Released ones stay as they are.
package struct Migration: Hashable, Sendable {
    /// Unique and never changed, such as `2026-11-21 zones and records`; one that ends with
    /// `additiveMark` is a step that older programs live with.
    package let name: String
    /// Statements separated by semicolons.
    package let sql: String

    package init(name: String, sql: String) {
        if Self.isAdditive(name), let obstacle = Self.obstacle(in: sql) {
            preconditionFailure("\(name) is no additive step: \(obstacle)")
        }
        self.name = name
        self.sql = sql
    }
}

extension Migration {
    /// How many of `migrations` a database has taken that says it took `applied`.
    ///
    /// Throws `databaseFromNewerVersion` for others than the first ones; behind all of them there may
    /// be additive steps when it `allowsMore`.
    static func count(
        _ applied: [String], of migrations: [Migration], allowsMore: Bool
    ) throws(StorageError) -> Int {
        let names = migrations.map(\.name)
        let (known, later) = (applied.prefix(names.count), applied.dropFirst(names.count))
        guard known.elementsEqual(names.prefix(known.count)),
            later.isEmpty || allowsMore && later.allSatisfy(isAdditive)
        else {
            throw StorageError(
                .databaseFromNewerVersion,
                """
                The database has been changed by a newer Martlet (\(applied.last ?? "")): \
                start that version, or restore a backup made by this one.
                """)
        }
        return known.count
    }
}
