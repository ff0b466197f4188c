import Accounts
import Kernel
package import Logging
import NIOPosix
import Operations
import Records
import Storage

extension MartletServer {
    /// Opens an embedded server: locks its data folder, brings its database up to date, repeats
    /// what was revoked.
    ///
    /// Throws `ServerError`, `StorageError`, `KernelError`.
    package static func open(
        _ configuration: ServerConfiguration, logger: Logger,
        surroundings: ServerSurroundings = .system
    ) async throws -> MartletServer {
        let folder = DataFolder(path: configuration.dataFolder)
        let (lock, database, store, signer) = try await NIOThreadPool.singleton.runIfActive {
            try folder.prepare()
            let lock = try DataFolderLock(path: folder.lock)
            lock.describe("process \(ProcessIdentity.number), starting")
            return (
                lock, try folder.openDatabase(),
                try configuration.blobs.open(in: folder, surroundings),
                try ReceiptSigner(path: folder.receiptKey)
            )
        }
        let kernel = Kernel(randomNumber: surroundings.randomNumber, schemas: schemas)
        let now = surroundings.now()
        try await database.write { transaction in
            _ = try kernel.prepare(at: now, in: transaction)
        }
        try await configuration.blobs.check(store, of: database)
        let revocations = Revocations(file: AppendFile(path: folder.revoked))
        try await revocations.apply(to: database)
        let metrics = Metrics()
        let parts = ServiceParts(
            database: database, store: store, kernel: kernel, metrics: metrics,
            now: surroundings.now)
        let hub = EventHub(metrics: metrics)
        let extensions: [any ServerExtension] = [
            PhotosExtension(
                configuration: configuration, parts: parts, hub: hub,
                surroundings: surroundings, logger: logger)
        ]
        let server = MartletServer(
            configuration: configuration, parts: parts,
            accounts: Accounts(
                database: database, kernel: kernel, revocations: revocations,
                now: surroundings.now, randomBytes: surroundings.randomBytes),
            hub: hub, signer: signer, surroundings: surroundings, extensions: extensions,
            lock: lock, logger: logger)
        // Whether it is under maintenance is known before the first request.
        await server.monitor.look()
        return server
    }
}
