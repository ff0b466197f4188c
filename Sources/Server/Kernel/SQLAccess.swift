package import Storage

/// SQL that throws the kernel's error.
extension Transaction {
    /// Runs one statement; returns how many rows it changed.
    @discardableResult
    package func change(
        _ sql: String, _ arguments: [SQLValue] = []
    ) throws(KernelError) -> Int {
        do { return try execute(sql, arguments) } catch { throw KernelError(wrapping: error) }
    }

    /// Runs one statement that nobody waits for: see `executePipelined`.
    package func changePipelined(
        _ sql: String, _ arguments: [SQLValue] = []
    ) throws(KernelError) {
        do { try executePipelined(sql, arguments) } catch { throw KernelError(wrapping: error) }
    }

    package func all(
        _ sql: String, _ arguments: [SQLValue] = []
    ) throws(KernelError) -> [SQLRow] {
        do { return try rows(sql, arguments) } catch { throw KernelError(wrapping: error) }
    }

    package func first(
        _ sql: String, _ arguments: [SQLValue] = []
    ) throws(KernelError) -> SQLRow? {
        try all(sql, arguments).first
    }

    package func each(
        _ sql: String, _ arguments: [SQLValue], _ body: (SQLRow) throws -> Bool
    ) throws(KernelError) {
        do {
            try forEachRow(sql, arguments, body)
        } catch {
            throw KernelError(wrapping: error)
        }
    }
}
