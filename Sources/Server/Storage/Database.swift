/// Transactions, run where blocking is allowed.
package protocol Database: Sendable {
    /// Runs `body` over one unchanging state. Writes are refused.
    func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R

    /// Runs `body` in a transaction. When this returns, its changes are on the disk (P1); when it
    /// throws, none of them happened. Writes that arrive together share one sync.
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
