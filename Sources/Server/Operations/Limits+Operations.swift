import Records

// Bounds of what only the server's operations do.
extension Limits {
    // System status
    package static let probeSeconds: Int64 = 30
    /// A probe that takes longer than this has failed, though it may still return.
    static let probeMillisecondsMax: Int64 = 10_000
    static let probeByteCount = 64
    static let healthSeconds: Int64 = 2
    static let windowMilliseconds: Int64 = 300_000
    static let windowSlots: Int64 = 30
    /// Fewer requests and probes say nothing about how a service is.
    static let measurementsMin = 10
    /// One slow answer is none.
    static let slowMeasurementsMin = 2
    static let failedProbesMin = 2
    static let medianDays: Int64 = 7
    static let slowMillisecondsMin: Int64 = 500
    static let slowMillisecondsOfFirstWeek: Int64 = 2_000
    static let slowTimesMedian: Int64 = 3
    package static let historyDays: Int64 = 90
    static let changesPerServiceMax = 1_000
    /// The server itself did not run, or was suspended, between two looks further apart.
    static let historyGapMilliseconds: Int64 = 60_000
    /// The bodies of larger requests arrive as fast as the client sends.
    package static let measuredBodyByteCountMax: Int64 = 64 << 10

    // Backups
    static let collectorHoldSeconds: Int64 = 3_600
    static let collectorHoldRenewSeconds: Int64 = 60
    /// Copies that are synced together.
    static let backupBatchCountMax = 1_000
    static let backupBatchByteCountMax: Int64 = 256 << 20
    /// Of a bucket's objects.
    static let backupReadsAtOnceMax = 8
    static let backupManifestByteCountMax = 16 << 20
    package static let keyFileByteCountMax = 64 << 20

    // What was revoked, in a bucket
    /// Each revocation is a note of its own; when there are more, a start joins them.
    package static let revokedNotesMax = 100
    package static let revokedNoteByteCountMax = 1 << 20

    // The manifest, and recovering by it
    /// Its first line has just so many.
    static let manifestHeaderByteCount = 512
    static let manifestVersionCountMax = 64
    /// What is longer is none of its lines: a name of 1,024 bytes can take 6 for each.
    static let manifestLineByteCountMax = 64 << 10
    static let manifestPageCountMax = 500
    /// Files that are synced together, before they get their names.
    static let recoveryBatchCountMax = 1_000

    // Moves
    /// Smaller objects are read and stored together.
    static let movePackCountMax = 256
    static let movePackByteCountMax: Int64 = 16 << 20
    static let moveReadsAtOnceMax = 8
    /// Missing objects beyond them are counted, not named.
    package static let moveMissingNamedMax = 1_000
    /// Rows that changed while they were copied are copied once more.
    static let moveTriesMax = 2

    // Maintenance
    package static let maintenanceMessageByteCountMax = 500
}
