package import Records
package import Storage

extension Kernel {
    /// Takes away an account with everything that it owns, at once and for good.
    ///
    /// The bytes that nobody else holds go with the collector's next turns. Throws
    /// `accountNotFound`.
    ///
    /// Rows of other modules that refer to the account must go first.
    package func removeAccount(
        _ id: AccountID, at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        let account = try requireAccount(id, in: transaction)
        for zone in try zones(of: id, in: transaction) where zone.owner == id {
            let projections = schema(for: zone)?.projectionTables.reversed() ?? []
            for table in projections + [
                "blobReference", "retained", "record", "savedGroup", "zoneCommit",
            ] {
                try transaction.change("DELETE FROM \(table) WHERE zone = ?", [SQLValue(zone.id)])
            }
            try SummedTable.zone.remove(where: "id = ?", [SQLValue(zone.id)], in: transaction)
        }
        try transaction.change(
            """
            INSERT INTO objectRemoval (objectKey, queuedAt)
            SELECT object.objectKey, ? FROM holding JOIN object ON object.digest = holding.digest
            WHERE holding.account = ? AND NOT EXISTS (SELECT 1 FROM holding AS other
                WHERE other.digest = holding.digest AND other.account <> holding.account)
            """, [SQLValue(time), SQLValue(id)])
        try transaction.change(
            """
            DELETE FROM object WHERE objectKey IN (SELECT objectKey FROM objectRemoval)
            """)
        for table in ["holding", "upload", "job", "jobTurn", "deviceRequest", "deviceState"] {
            try transaction.change("DELETE FROM \(table) WHERE account = ?", [SQLValue(id)])
        }
        try transaction.change("DELETE FROM account WHERE id = ?", [SQLValue(id)])
        try leave(account.pool, in: transaction)
    }
}
