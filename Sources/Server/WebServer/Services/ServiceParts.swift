package import Kernel
package import Records
package import Storage

/// What every service works with.
package struct ServiceParts: Sendable {
    package let database: any Database
    package let store: any ObjectStore
    package let kernel: Kernel
    package let metrics: Metrics
    package let now: @Sendable () -> Timestamp

    package init(
        database: any Database, store: any ObjectStore, kernel: Kernel, metrics: Metrics,
        now: @escaping @Sendable () -> Timestamp
    ) {
        self.database = database
        self.store = store
        self.kernel = kernel
        self.metrics = metrics
        self.now = now
    }

    /// Throws unless the disk has room for `byteCount` more and its reserve.
    func checkSpace(for byteCount: Int64) async throws {
        guard let free = try await store.freeByteCount() else { return }
        guard free - byteCount >= Limits.diskReserveByteCount else {
            throw StorageError(
                .diskFull, "The server's disk is full: free some space, or add some.")
        }
    }

    /// Throws `overQuota` or `stagedFull` unless the account may send `byteCount` more bytes.
    func checkQuota(for byteCount: Int64, of account: AccountID) async throws {
        try await database.read { [kernel] transaction in
            try kernel.checkUpload(byteCount: byteCount, for: account, in: transaction)
        }
    }

    /// Gives the account what was just stored.
    ///
    /// Bytes that the server had already go away again. What was announced (`isAnnounced`) has its
    /// place in the quota; all else is asked for again in the same transaction, because others of
    /// the pool may have sent meanwhile: throws `overQuota`.
    func hold(
        _ objects: [StoredObject], verifiedAt: Timestamp?, isAnnounced: Bool = false,
        for account: AccountID
    ) async throws {
        guard !objects.isEmpty else { return }
        let now = now()
        let held = objects.map { HeldObject(object: $0, verifiedAt: verifiedAt) }
        do {
            let surplus = try await database.write { [kernel] transaction in
                if !isAnnounced {
                    try kernel.checkArrived(objects, for: account, in: transaction)
                }
                return try kernel.addHoldings(held, for: account, at: now, in: transaction)
            }
            if !surplus.isEmpty { try await store.remove(surplus) }
        } catch {
            // Without a row nobody would ever ask for them.
            try? await store.remove(objects.map(\.key))
            throw error
        }
        metrics.stored(
            blobCount: objects.count, byteCount: objects.reduce(0) { $0 + $1.byteCount })
    }
}
