import Records
import Status
import Storage
import Synchronization

/// Looks whether the rows of a running server's database are what was written, for its alerts.
///
/// - A look reads every row that has a sum, so it is made once a day; while something is damaged once an
///   hour, so that an alert ends soon after its cause. A server that was started looks anew: what an
///   earlier one saw may have been mended.
/// - It rests as long as it reads, and keeps no more than `FindingTable.itemsMax` rows.
final class StoredRowsWatch: Sendable {
    private struct Seen: Sendable {
        let at: Int64
        let finding: Finding?
    }

    private let seen = Mutex<Seen?>(nil)

    /// What is damaged, by a look that is new enough.
    ///
    /// Throws what keeps it from looking: that the database cannot be read is damage, too.
    func look(_ server: ExaminedServer) async throws -> Finding? {
        let clock = server.surroundings.monotonicMilliseconds
        let now = clock()
        let last = seen.withLock { $0 }
        if let last, now < last.at + Self.pause(after: last) { return last.finding }
        let damaged = try await DamagedRows.look(in: server.database.get(), server.kernel) {
            try await server.surroundings.clock.sleep(for: Limits.storedRowsRest)
        }
        seen.withLock { $0 = Seen(at: now, finding: damaged.finding) }
        return damaged.finding
    }

    private static func pause(after seen: Seen) -> Int64 {
        1_000
            * (seen.finding == nil
                ? Limits.storedRowsLookSeconds : Limits.storedRowsDamagedLookSeconds)
    }
}

extension Limits {
    static let storedRowsLookSeconds: Int64 = 86_400
    static let storedRowsDamagedLookSeconds: Int64 = 3_600
    /// After each `examinedRowsPerReadMax` rows, which take about as long.
    static let storedRowsRest = Duration.milliseconds(50)
}
