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
    /// Unique and never changed, such as `2026-11-21 zones and records`.
    package let name: String
    /// Statements separated by semicolons.
    package let sql: String

    package init(name: String, sql: String) {
        self.name = name
        self.sql = sql
    }
}

extension Migration {
    /// How many of `migrations` a database has taken that says it took `applied`.
    ///
    /// Throws `databaseFromNewerVersion` for others than the first ones.
    static func count(
        _ applied: some BidirectionalCollection<String>, of migrations: [Migration]
    ) throws(StorageError) -> Int {
        let names = migrations.map(\.name)
        guard applied.count <= names.count, applied.elementsEqual(names.prefix(applied.count))
        else {
            throw StorageError(
                .databaseFromNewerVersion,
                """
                The database has been changed by a newer Martlet (\(applied.last ?? "")): \
                start that version, or restore a backup made by this one.
                """)
        }
        return applied.count
    }
}
