import Kernel
import Logging
import NIOPosix
import Operations
import Records
import ServiceLifecycle
import Storage

/// What the server does for itself now and then: counts the days, lets go of what nothing refers
/// to, forgets uploads that nobody went on with.
package struct Housekeeping: Sendable {
    let parts: ServiceParts
    let surroundings: ServerSurroundings
    let manifest: ManifestWriter
    let process: UInt64
    /// Where servers share a folder.
    let lease: TemporaryLease?
    let logger: Logger

    /// Until its task is cancelled.
    ///
    /// A failure is logged, and the next round tries again.
    func run() async {
        do {
            try await sweepLeftovers()
        } catch {
            logger.warning("Leftovers cannot be swept", metadata: ["error": "\(error)"])
        }
        while !Task.isCancelled {
            do {
                try await round()
            } catch {
                logger.warning("Housekeeping failed", metadata: ["error": "\(error)"])
            }
            do {
                try await surroundings.clock.sleep(
                    for: .seconds(Limits.housekeepingSeconds))
            } catch {
                return
            }
        }
    }

    package func round() async throws {
        // First: also while the database is away this server's folder is its own.
        try await renewLease()
        let reading = ClockReading(
            wall: surroundings.now(),
            monotonicMilliseconds: surroundings.monotonicMilliseconds(), process: process)
        // Nobody knows it of a bucket, and of a disk that is away.
        let free = try? await parts.store.freeByteCount()
        try await parts.database.write { [kernel = parts.kernel] transaction in
            _ = try kernel.tick(reading, in: transaction)
            try UsageHistory.measure(
                freeByteCount: free, kernel, at: reading.wall, in: transaction)
        }
        try await endUploads()
        try await collect()
        try await writeManifest()
    }

    private func renewLease() async throws {
        guard let lease else { return }
        let removed = try await NIOThreadPool.singleton.runIfActive { try lease.renew() }
        if !removed.isEmpty {
            logger.info(
                "Temporary folders of ended servers removed", metadata: ["names": "\(removed)"])
        }
    }

    /// Last: a disk that has no room for it must not keep the collector from making some.
    private func writeManifest() async throws {
        if try await manifest.writeIfDue() { logger.info("The manifest has been written") }
    }

    private func endUploads() async throws {
        while true {
            let now = surroundings.now()
            let staged = try await parts.database.write { [kernel = parts.kernel] transaction in
                try kernel.endExpiredUploads(at: now, in: transaction)
            }
            for upload in staged { try await parts.store.discardStaged(upload) }
            guard staged.count >= Limits.rowsPerCollectionMax else { return }
        }
    }

    /// Rows first, then bytes: a crash between the two leaves bytes without a row.
    private func collect() async throws {
        var more = true
        while more, !Task.isCancelled {
            let now = surroundings.now()
            let turn = try await parts.database.write {
                [kernel = parts.kernel] transaction -> CollectorTurn? in
                // A backup copies what the collector would remove.
                let isHeld = try CollectorHold.isInForce(at: now, in: transaction)
                return isHeld ? nil : try kernel.collect(at: now, in: transaction)
            }
            guard let turn else { return }
            more = turn.more
            guard !turn.removable.isEmpty else { continue }
            try await parts.store.remove(turn.removable)
            try await parts.database.write { [kernel = parts.kernel] transaction in
                try kernel.removed(turn.removable, in: transaction)
            }
        }
    }

    /// At the start: staged uploads and objects that a crash left without a row.
    package func sweepLeftovers() async throws {
        let staged = try await parts.store.stagedUploads()
        let unknown = try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.unknownUploads(among: staged, in: transaction)
        }
        for upload in unknown { try await parts.store.discardStaged(upload) }
        var key: ObjectKey?
        while !Task.isCancelled {
            let page = try await parts.store.list(after: key, limit: Limits.rowsPerCollectionMax)
            guard let last = page.last else { return }
            key = last.key
            // Younger ones may belong to a request that is under way.
            let old = surroundings.now().adding(
                seconds: -Int64(Limits.uploadLifetimeHours) * 3_600)
            let candidates = page.filter { $0.modifiedAt < old }.map(\.key)
            let lost = try await parts.database.read { [kernel = parts.kernel] transaction in
                try kernel.unknownObjects(among: candidates, in: transaction)
            }
            if !lost.isEmpty {
                logger.info("Objects without a row removed", metadata: ["count": "\(lost.count)"])
                try await parts.store.remove(lost)
            }
        }
    }
}

/// Something that works until the server stops.
struct BackgroundService: Service {
    let work: @Sendable () async throws -> Void

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await work()
                // Work that is done must not end the server.
                try await gracefulShutdown()
            } catch is CancellationError {
                return
            }
        }
    }
}
