import Kernel
import Records
import Status
import Storage

// How the server is run.
extension ServerExaminations {
    static var care: [ServerExamination] {
        [
            ServerExamination("serverProcess", "The server's process", look: lookAtProcess),
            ServerExamination("serverSpace", "Free space", look: lookAtSpace),
            ServerExamination("scrub", "Stored bytes, read back", look: lookAtScrub),
            ServerExamination("backup", "The last backup", look: lookAtBackup),
            ServerExamination("manifest", "The list of all originals' names", look: lookAtManifest),
            ServerExamination("jobs", "What is to be done", look: lookAtJobs),
            ServerExamination("serverClock", "The server's clock", look: lookAtClock),
            ServerExamination("maintenance", "Maintenance", look: lookAtMaintenance),
            proof, alerts,
        ]
    }

    private static func lookAtProcess(_ server: ExaminedServer) async throws -> Look {
        let state = try await server.read { [kernel = server.kernel] in
            try kernel.serverState(in: $0)
        }
        let epoch = state.newEpochAt.map {
            ", epoch \(state.epoch.rawValue) since \(EvidenceText.time($0))"
        }
        return Look(
            (server.place.holder.map { "it runs: \($0)" } ?? "none runs here") + (epoch ?? ""))
    }

    private static func lookAtSpace(_ server: ExaminedServer) async throws -> Look {
        var places = [
            (server.place.folder, try PlainFiles.freeByteCount(server.place.folder))
        ]
        let blobs = "the blobs"
        var filling = ""
        if let free = try await server.store.get().freeByteCount() {
            places.append((blobs, free))
            let forecast = try await server.read { [now = server.now] transaction in
                try UsageHistory.diskForecast(freeByteCount: free, at: now, in: transaction)
            }
            if let forecast {
                filling =
                    ", full about \(EvidenceText.day(forecast.fullAt)) if it goes on at "
                    + "\(EvidenceText.bytes(forecast.byteCountPerDay)) a day"
            }
        }
        let findings = places.filter { $0.1 < Limits.serverSpaceByteCountMin }.map { path, free in
            Finding(
                .serverDiskNearlyFull,
                [
                    "free": EvidenceText.bytes(free), "path": path,
                    "reserve": EvidenceText.bytes(Limits.diskReserveByteCount),
                ])
        }
        let words = places.map { place, free in
            "\(EvidenceText.bytes(free)) where \(place) \(place == blobs ? "lie" : "lies")"
        }
        return Look(words.joined(separator: ", ") + filling, Array(findings.prefix(1)))
    }

    private static func lookAtScrub(_ server: ExaminedServer) async throws -> Look {
        guard let state = try await server.read({ try ScrubState.read(in: $0) }) else {
            return Look("not begun: the server has not run for a minute yet")
        }
        var findings: [Finding] = []
        if let doubt = state.doubt {
            findings.append(Finding(.scrubDoubtful, ["cause": doubt.asCause]))
        }
        let late = (state.endedAt ?? state.beganAt).adding(seconds: Limits.scrubLateSeconds)
        if server.now > late {
            let age = state.endedAt.map { "\(server.age(of: $0)) ago" } ?? "never"
            findings.append(Finding(.scrubLate, ["age": age]))
        }
        let ended = state.endedAt.map { "as a whole \(server.age(of: $0)) ago" } ?? "not yet"
        let now = state.percent.map { ", \($0) % of a pass that is under way" }
        return Look(ended + (now ?? ""), findings)
    }

    private static func lookAtBackup(_ server: ExaminedServer) async throws -> Look {
        let (madeAt, schedule, count) = try await server.read { transaction in
            (
                try LastBackup.madeAt(in: transaction), try BackupSchedule.read(in: transaction),
                try transaction.first("SELECT COUNT(*) FROM object")?.int(0) ?? 0
            )
        }
        // PostgreSQL's own means may make them.
        if madeAt == nil, schedule == nil, try !(server.database.get() is SQLiteReader) {
            return .notPossible("none is martlet's: PostgreSQL may have its own, see operations.md")
        }
        var findings: [Finding] = []
        if let schedule, let failure = schedule.failure {
            findings.append(
                Finding(
                    .backupFailing,
                    [
                        "folder": schedule.folder, "time": EvidenceText.time(failure.since),
                        "cause": failure.cause.asCause,
                    ]))
        }
        let nightly = schedule.map { ", each day at \($0.timeOfDay) into \($0.folder)" } ?? ""
        guard let madeAt else {
            if schedule == nil, count > 0 { findings.append(Finding(.backupMissing)) }
            return Look("there is none yet" + nightly, findings)
        }
        if server.now > madeAt.adding(seconds: Limits.backupOldSeconds) {
            findings.append(Finding(.backupOld, ["time": EvidenceText.time(madeAt)]))
        }
        return Look("\(server.age(of: madeAt)) ago" + nightly, findings)
    }

    private static func lookAtManifest(_ server: ExaminedServer) async throws -> Look {
        let count = try await server.read { transaction in
            try transaction.first("SELECT COUNT(*) FROM object")?.int(0) ?? 0
        }
        guard let header = try ManifestReader(path: server.place.manifest).header() else {
            return Look(
                "there is none", count == 0 ? [] : [Finding(.manifestOld, ["age": "not there"])])
        }
        let isOld = server.now > header.madeAt.adding(seconds: Limits.manifestOldSeconds)
        let age = "\(server.age(of: header.madeAt)) old"
        if header.files == 0, count > 0, !isOld {
            // The server's first start wrote it, before anything was there.
            let day = Timestamp.millisecondsPerDay
            let next = Timestamp(milliseconds: (header.madeAt.milliseconds / day + 1) * day)
            return Look(
                "no night has written one with names yet: the server does so after "
                    + EvidenceText.time(next))
        }
        return Look(
            "\(header.files) files, \(age)", isOld ? [Finding(.manifestOld, ["age": age])] : [])
    }

    private static func lookAtJobs(_ server: ExaminedServer) async throws -> Look {
        let now = server.now
        let old = now.adding(seconds: -Limits.jobStuckSeconds)
        let (late, given, count) = try await server.read { transaction in
            (
                try transaction.all(
                    """
                    SELECT kind, COUNT(*), MIN(COALESCE(leasedUntil, nextTryAt)) FROM job
                    WHERE attempts < ? AND COALESCE(leasedUntil, nextTryAt) < ?
                    GROUP BY kind ORDER BY kind
                    """, [SQLValue(Limits.jobAttemptsMax), SQLValue(old)]),
                try transaction.all(
                    """
                    SELECT error, COUNT(*) FROM job WHERE attempts >= ? AND error IS NOT NULL
                    GROUP BY error ORDER BY COUNT(*) DESC, error LIMIT ?
                    """, [SQLValue(Limits.jobAttemptsMax), SQLValue(FindingTable.itemsMax)]),
                try transaction.first("SELECT COUNT(*) FROM job")?.int(0) ?? 0
            )
        }
        var findings: [Finding] = []
        if let first = late.map({ $0.timestamp(2) }).min() {
            findings.append(
                Finding(
                    .jobsStuck,
                    [
                        "items": EvidenceText.items(late.reduce(0) { $0 + $1.int(1) }),
                        "time": EvidenceText.time(first),
                        "kinds": late.map { $0.text(0) }.joined(separator: ", "),
                    ]))
        }
        if let first = given.first {
            findings.append(
                Finding(
                    .jobsGivenUp,
                    [
                        "items": EvidenceText.items(given.reduce(0) { $0 + $1.int(1) }),
                        "cause": first.text(0).asCause,
                    ], items: given.map { "\($0.int(1)): \($0.text(0))" }))
        }
        return Look("\(count) that were tried and are not done", findings)
    }

    private static func lookAtClock(_ server: ExaminedServer) async throws -> Look {
        let (state, latest) = try await server.read { [kernel = server.kernel] transaction in
            (
                try kernel.serverState(in: transaction),
                try transaction.first("SELECT MAX(committedAt) FROM zoneCommit")?
                    .optionalTimestamp(0)
            )
        }
        // A commit from the future: this clock is behind the one that it was made by.
        let isBehind = latest.map { $0 > server.now.adding(seconds: 3_600) } ?? false
        guard let since = state.clockSuspectSince ?? (isBehind ? latest : nil) else {
            return Look("day \(state.day) of the server's life, and it agrees")
        }
        return Look(
            "it jumped", [Finding(Reason(.serverClockSuspect, since: since))])
    }

    private static func lookAtMaintenance(_ server: ExaminedServer) async throws -> Look {
        let maintenance = try await server.read { try Maintenance.read(in: $0) }
        guard let maintenance, maintenance.isInForce(at: server.now) else { return Look("none") }
        let until = EvidenceText.time(maintenance.until)
        return Look("until \(until)", [Finding(.maintenanceInForce, ["time": until])])
    }
}

extension Limits {
    static let serverSpaceByteCountMin: Int64 = 2 << 30
    static let backupOldSeconds: Int64 = 3 * 86_400
    static let manifestOldSeconds: Int64 = 2 * 86_400
    static let jobStuckSeconds: Int64 = 3_600
}
