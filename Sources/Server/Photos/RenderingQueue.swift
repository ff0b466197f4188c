import Kernel
import Library
import Media
import Records
import Storage

/// Finds what is to be read and rendered: by query, never from a list that could miss something.
///
/// A job row says only what was tried: who has it until when, how often it failed, and when it is
/// tried again. Pictures that lack something are in partial indexes, so the cost depends on what
/// is to be done, not on the library's size.
struct RenderingQueue: Sendable {
    let kernel: Kernel

    /// Leases the next jobs of a stage, newest pictures first, accounts in turns.
    func take(
        _ stage: RenderingJob.Stage, limit: Int, at time: Timestamp,
        in transaction: any Transaction
    ) throws -> [RenderingJob] {
        let source = Source(kernel: kernel, stage: stage)
        let leased = try kernel.leaseJobs(source, limit: limit, at: time, in: transaction)
        return try leased.compactMap { job in
            guard let id = RecordID(bytes: job.subject),
                let row = try PhotosProjection.row(id, in: job.zone, transaction)
            else { return nil }
            return RenderingJob(row, stage, job)
        }
    }

    func complete(_ job: RenderingJob, in transaction: any Transaction) throws {
        try kernel.complete(job.lease, in: transaction)
    }

    func fail(
        _ job: RenderingJob, because cause: String, at time: Timestamp,
        in transaction: any Transaction
    ) throws {
        try kernel.fail(job.lease, error: cause, at: time, in: transaction)
    }

    func giveBack(_ jobs: [RenderingJob], in transaction: any Transaction) throws {
        try kernel.giveBack(jobs.map(\.lease), in: transaction)
    }

    /// When something that waits is to be looked at again; `nil` when nothing waits.
    func nextTry(in transaction: any Transaction) throws -> Timestamp? {
        try transaction.firstRow(
            """
            SELECT MIN(COALESCE(leasedUntil, nextTryAt)) FROM job
            WHERE kind IN (?, ?) AND attempts < ?
            """,
            RenderingJob.Stage.allCases.map { .text($0.jobKind) }
                + [SQLValue(Limits.jobAttemptsMax)]
        )?.optionalTimestamp(0)
    }
}

extension RenderingJob.Stage {
    /// The readers' numbers are part of it: what an earlier version failed at is tried anew.
    var jobKind: String { "\(rawValue).\(Facts.fullReader).\(PhotosSchema.renderer)" }

    /// The condition of the partial index that the stage is found by.
    var condition: String {
        switch self {
        case .read: PhotosSchema.toRead
        case .preview: PhotosSchema.toPreview
        }
    }
}

/// The zones and pictures that lack something.
private struct Source: JobSource {
    let kernel: Kernel
    let stage: RenderingJob.Stage

    var kind: String { stage.jobKind }

    func accounts(in transaction: any Transaction) throws -> [AccountID] {
        var accounts: Set<AccountID> = []
        var last: [UInt8] = []
        // One step to each next zone of the index.
        while let row = try transaction.firstRow(
            """
            SELECT zone FROM photoAsset WHERE zone > ? AND \(stage.condition)
            ORDER BY zone LIMIT 1
            """, [.blob(last)])
        {
            last = row.blob(0)
            if let zone = try kernel.zone(row.identifier(0), in: transaction) {
                accounts.insert(zone.owner)
            }
        }
        return accounts.sorted()
    }

    func subjects(
        of account: AccountID, limit: Int, at time: Timestamp, in transaction: any Transaction
    ) throws -> [JobSubject] {
        var subjects: [JobSubject] = []
        for zone in try kernel.zones(of: account, in: transaction)
        where zone.kind == ZoneKind.photos && zone.owner == account && subjects.count < limit {
            let isFree = Kernel.isJobFree(zone: "photoAsset.zone", subject: "photoAsset.id")
            let rows = try transaction.rows(
                """
                SELECT id FROM photoAsset WHERE zone = ? AND \(stage.condition) AND \(isFree)
                ORDER BY instant DESC, id LIMIT ?
                """,
                [SQLValue(zone.id)] + Kernel.isJobFreeArguments(kind, account, at: time)
                    + [SQLValue(limit - subjects.count)])
            subjects += rows.map { JobSubject(zone: zone.id, subject: $0.blob(0)) }
        }
        return subjects
    }
}

extension RenderingJob {
    /// `nil` for a picture that lacks nothing.
    fileprivate init?(_ row: PhotoRow, _ stage: Stage, _ lease: Job) {
        guard let asset = row.asset, let original = asset.original else { return nil }
        let type = MediaType(rawValue: original.mediaType)
        let lacksThumbnail = row.thumbnailBy < PhotosSchema.renderer
        let lacksPreview = row.previewBy < PhotosSchema.renderer
        // What takes long to decode is decoded once, for both.
        let drawsBoth = lacksThumbnail && type != .jpeg
        self.init(
            stage: stage, lease: lease, zone: row.zone, owner: lease.account, id: row.id,
            name: asset.name, mediaType: type, original: original.digest, sidecar: asset.sidecar,
            fileModifiedAt: asset.fileModifiedAt.map(Timestamp.init(milliseconds:)),
            needsFacts: stage == .read && row.readBy < Facts.fullReader,
            needsThumbnail: lacksThumbnail,
            needsPreview: lacksPreview && (stage == .preview || drawsBoth))
    }
}
