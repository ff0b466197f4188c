import Accounts
import Kernel
package import Logging
import NIOPosix
import Operations
import Records
import Storage

extension MartletServer {
    /// Opens a server: locks its data folder, brings its database up to date, repeats what was
    /// revoked.
    ///
    /// Throws `ServerError`, `StorageError`, `KernelError`.
    package static func open(
        _ configuration: ServerConfiguration, logger: Logger,
        surroundings: ServerSurroundings = .system
    ) async throws -> MartletServer {
        let (folder, place) = (configuration.folder, configuration.place)
        let (lock, lease, database, store, ownSigner, listener) =
            try await NIOThreadPool.singleton.runIfActive {
                try folder.prepare()
                let lock = try DataFolderLock(path: folder.lock, isShared: folder.isShared)
                lock.describe("process \(ProcessIdentity.number), starting")
                let signer =
                    place.isElsewhere ? nil : try ReceiptSigner(path: folder.receiptKey)
                // Before the schema is touched.
                let listener = try folder.listener(receiptKey: signer?.publicKey)
                return (
                    lock, folder.isShared ? try TemporaryLease(folder) : nil,
                    try folder.openAnyDatabase(),
                    try configuration.blobs.open(in: folder, surroundings), signer, listener
                )
            }
        let kernel = Kernel(randomNumber: surroundings.randomNumber, schemas: schemas)
        let now = surroundings.now()
        try await database.write { transaction in
            _ = try kernel.prepare(at: now, in: transaction)
            try RowSums.sealNew(SummedTable.all, in: transaction)
        }
        let shared = place.bucketKeepsakes(database, store)
        try await configuration.blobs.check(store, of: database, shared)
        let signer =
            if let ownSigner { ownSigner } else {
                try await signer(shared ?? folder.keepsakes, listener)
            }
        let revocations = Revocations(journal: shared ?? folder.keepsakes)
        try await shared?.settle()
        try await revocations.apply(to: database)
        let metrics = Metrics()
        let parts = ServiceParts(
            database: database, store: store, kernel: kernel, metrics: metrics,
            now: surroundings.now)
        let relay = listener.map { listener in
            EventRelay(listener, server: surroundings.randomNumber(), clock: surroundings.clock)
        }
        let hub = EventHub(metrics: metrics, relay: relay)
        var extensions: [any ServerExtension] = [
            PhotosExtension(
                configuration: configuration, parts: parts, hub: hub,
                surroundings: surroundings, logger: logger)
        ]
        if let relay {
            extensions.append(
                RelayExtension(relay: relay, hub: hub, parts: parts, logger: logger))
        }
        let server = MartletServer(
            configuration: configuration, parts: parts,
            accounts: Accounts(
                database: database, kernel: kernel, revocations: revocations,
                now: surroundings.now, randomBytes: surroundings.randomBytes),
            hub: hub, signer: signer, surroundings: surroundings, extensions: extensions,
            lock: lock, lease: lease, logger: logger)
        // Whether it is under maintenance is known before the first request.
        await server.monitor.look()
        return server
    }

    /// With the key that all servers of the database share; the listener joins those that have it.
    private static func signer(
        _ keepsakes: any Keepsakes, _ listener: PostgresListener?
    ) async throws -> ReceiptSigner {
        let signer = try ReceiptSigner(
            key: try await keepsakes.keep(receiptKey: ReceiptSigner.newKey()))
        let number = DataFolder.number(of: signer.publicKey)
        try await NIOThreadPool.singleton.runIfActive { try listener?.join(number) }
        return signer
    }
}
