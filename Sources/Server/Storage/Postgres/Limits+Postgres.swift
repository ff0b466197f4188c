import Records

// Bounds of what only the database server's connections do.
extension Limits {
    /// Connections that read at the same time; one more writes.
    static let postgresReadersMax = 8
    /// How often a transaction that others got in the way of is begun.
    static let transactionAttemptsMax = 10
    /// The same for a row that was there already, which is mostly the caller's own doing.
    static let duplicateAttemptsMax = 3
    static let transactionPauseMillisecondsMax = 200
    /// How often a read is begun that lost its connection.
    static let readAttemptsMax = 3
    static let databaseConnectMilliseconds: Int32 = 5_000
    /// Statements that a connection keeps prepared.
    static let preparedStatementsMax = 500
    /// Statements of a connection that are under way at most; then their results are waited for.
    package static let pipelinedStatementsMax = 256
    /// The same for their bytes; one statement may be larger.
    package static let pipelinedByteCountMax = 1 << 20
    /// Rows that a cursor fetches together.
    static let cursorRowsFirst = 128
    static let cursorRowsMax = 1_024
    /// What a silent server, or a silent Martlet, is given before its connection is ended.
    static let databaseSilenceSeconds = 30
    /// How long a listener waits before it looks whether it is to stop, or tries again.
    static let listenerWaitMilliseconds: Int32 = 500
    static let migrationWaitSeconds = 300
    static let postgresVersionMin: Int32 = 130_000
    /// How often it is tried to find a pooler out.
    static let sessionAttemptsMax = 3
}
