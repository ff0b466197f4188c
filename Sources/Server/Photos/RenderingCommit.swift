import Kernel
import Library
import Media
import NIOCore
import Records
import Storage

/// A job that has ended, with the pictures that it left in the store.
struct FinishedJob: Sendable {
    let job: RenderingJob
    var outcome: RenderingOutcome
    var thumbnail: StoredObject?
    var preview: StoredObject?
}

/// Writes what jobs made: bytes into the store, then records, in groups.
struct RenderingCommit: Sendable {
    let database: any Database
    let objects: any ObjectStore
    let kernel: Kernel
    let queue: RenderingQueue
    let randomNumber: @Sendable () -> UInt64

    /// What was written where, for those who wait for it.
    struct Written: Sendable {
        var zones: [Zone] = []
        var surplus: [ObjectKey] = []
    }

    /// Stores the pictures with one durability barrier, then commits all of it in one write.
    func write(_ finished: [FinishedJob], at time: Timestamp) async throws -> Written {
        let stored = try await store(finished)
        let written = try await database.write { transaction in
            var written = Written()
            for owner in Set(stored.map(\.job.owner)).sorted() {
                let own = stored.filter { $0.job.owner == owner }
                try write(own, of: owner, at: time, &written, transaction)
            }
            return written
        }
        try await objects.remove(written.surplus)
        return written
    }
}

// MARK: - Bytes

extension RenderingCommit {
    private func store(_ finished: [FinishedJob]) async throws -> [FinishedJob] {
        var stored = finished
        var small: [(index: Int, isPreview: Bool, bytes: [UInt8])] = []
        for (index, each) in finished.enumerated() {
            let picture = each.outcome.picture
            for (isPreview, bytes) in [(false, picture?.thumbnail), (true, picture?.preview)] {
                guard let bytes else { continue }
                if bytes.count <= Limits.packedBlobByteCountMax {
                    small.append((index, isPreview, bytes))
                } else {
                    stored[index].set(try await storeAlone(bytes), isPreview: isPreview)
                }
            }
            // The bytes are not needed twice in memory.
            stored[index].outcome.picture?.thumbnail = nil
            stored[index].outcome.picture?.preview = nil
        }
        let blobs = small.map { PackedBlob(claimed: Digest(of: $0.bytes), bytes: $0.bytes) }
        for (place, result) in zip(small, try await objects.storePack(blobs)) {
            guard case .stored(let object) = result else { continue }
            stored[place.index].set(object, isPreview: place.isPreview)
        }
        return stored
    }

    private func storeAlone(_ bytes: [UInt8]) async throws -> StoredObject {
        let writer = try await objects.makeWriter()
        do {
            try await writer.append(ByteBuffer(bytes: bytes))
            return try await writer.finish()
        } catch {
            await writer.discard()
            throw error
        }
    }
}

extension FinishedJob {
    fileprivate mutating func set(_ object: StoredObject, isPreview: Bool) {
        if isPreview { preview = object } else { thumbnail = object }
    }
}

// MARK: - Records

extension RenderingCommit {
    private func write(
        _ finished: [FinishedJob], of owner: AccountID, at time: Timestamp,
        _ written: inout Written, _ transaction: any Transaction
    ) throws {
        let made = finished.flatMap { [$0.thumbnail, $0.preview].compactMap(\.self) }
        written.surplus += try kernel.addHoldings(
            made.map { HeldObject(object: $0, verifiedAt: nil) }, for: owner, at: time,
            in: transaction)
        for zone in Set(finished.map(\.job.zone)).sorted() {
            let own = finished.filter { $0.job.zone == zone }
            try write(own, in: zone, of: owner, at: time, &written, transaction)
        }
    }

    private func write(
        _ finished: [FinishedJob], in zone: ZoneID, of owner: AccountID, at time: Timestamp,
        _ written: inout Written, _ transaction: any Transaction
    ) throws {
        let epoch = try kernel.zone(zone, for: owner, in: transaction).epoch
        var groups: [ChangeGroup] = []
        for each in finished {
            if let failure = each.outcome.failure {
                try queue.fail(each.job, because: failure, at: time, in: transaction)
                continue
            }
            let changes = try changes(of: each, epoch: epoch, transaction)
            if !changes.isEmpty {
                let id = GroupID(high: randomNumber(), low: randomNumber())
                groups.append(ChangeGroup(id: id, changes: changes))
            }
            try queue.complete(each.job, in: transaction)
        }
        guard !groups.isEmpty else { return }
        let receipt = try kernel.apply(
            groups, to: zone, by: .server(for: owner), at: time, in: transaction)
        if receipt.changed {
            written.zones.append(try kernel.zone(zone, for: owner, in: transaction))
        }
    }

    /// The changes of one picture, made from its records' latest state: they cannot be refused.
    ///
    /// None when its original was replaced or deleted meanwhile.
    private func changes(
        of finished: FinishedJob, epoch: Epoch, _ transaction: any Transaction
    ) throws -> [RecordChange] {
        let job = finished.job
        guard
            let row = try PhotosProjection.row(job.id, in: job.zone, transaction),
            row.asset?.original?.digest == job.original
        else { return [] }
        var changes: [RecordChange] = []
        let (facts, factsBase) = try latest(.facts, of: job, epoch, transaction)
        let thumbhash = finished.outcome.picture?.thumbhash
        if var read = finished.outcome.facts {
            read.thumbhash = thumbhash ?? row.validFacts?.thumbhash
            let patch = FactsPatch.change(to: read, of: job, current: facts, base: factsBase)
            if let patch { changes.append(patch) }
        } else if let thumbhash {
            let patch = FactsPatch.change(
                thumbhash: thumbhash, of: job, current: facts, base: factsBase)
            if let patch { changes.append(patch) }
        }
        let (rendering, base) = try latest(.rendering, of: job, epoch, transaction)
        if let change = Self.change(of: finished, current: rendering, base: base) {
            changes.append(change)
        }
        return changes
    }

    private func latest(
        _ type: RecordType, of job: RenderingJob, _ epoch: Epoch, _ transaction: any Transaction
    ) throws -> (record: Record?, base: Base?) {
        let record = try kernel.record(
            RecordKey(type: type, id: job.id), in: job.zone, in: transaction)
        return (record, record.map { Base(epoch: epoch, sequence: $0.envelope.sequence) })
    }

    private static func change(
        of finished: FinishedJob, current: Record?, base: Base?
    ) -> RecordChange? {
        let job = finished.job
        guard job.needsThumbnail || job.needsPreview else { return nil }
        var change = RecordChange(key: RecordKey(type: .rendering, id: job.id), base: base)
        change.set = [
            "of": .string(job.original.text), "by": .integer(Int64(PhotosSchema.renderer)),
        ]
        let old = current?.fields ?? [:]
        // What was made of other bytes, or by an older renderer, goes.
        let isOutdated = old["of"] != change.set["of"] || old["by"] != change.set["by"]
        for (role, object) in [
            (BlobRole.thumbnail, finished.thumbnail), (.preview, finished.preview),
        ] {
            if let object {
                change.setBlobs[role.rawValue] = BlobReference(
                    digest: object.digest, byteCount: object.byteCount,
                    mediaType: MediaType.webp.rawValue)
            } else if isOutdated, current?.blob(role) != nil {
                change.unsetBlobs.append(role.rawValue)
            }
        }
        if let problem = finished.outcome.problem {
            change.set["problem"] = .string(problem)
        } else if old["problem"] != nil {
            change.unset = ["problem"]
        }
        return change
    }
}
