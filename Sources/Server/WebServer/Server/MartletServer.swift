package import Accounts
import HTTPTypes
package import Hummingbird
import HummingbirdTLS
package import Kernel
package import Logging
import NIOCore
package import Operations
import Photos
import Records
import ServiceLifecycle
package import Storage
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The server: puts the parts together and speaks HTTP.
///
/// It is built once from its parts, so that tests run the same routes without a socket.
package final class MartletServer: Service {
    /// Every module's steps of the schema, in the order in which they are applied.
    ///
    /// Released databases have taken them in this order: new ones go to the END.
    package static let migrations: [Migration] =
        Kernel.firstMigrations + AccountsSchema.migrations + PhotosSchema.migrations
        + OperationsSchema.migrations + AccountsSchema.laterMigrations
        + OperationsSchema.laterMigrations + Kernel.laterMigrations

    package static let schemas: [any RecordSchema] = [PhotosSchema()]

    package let configuration: ServerConfiguration
    package let parts: ServiceParts
    package let accounts: Accounts
    package let hub: EventHub
    package let housekeeping: Housekeeping
    package let noticeWatch: NoticeWatch
    package let monitor: ServiceMonitor
    package let scrub: Scrub
    package let alerts: AlertWatch
    package let nightlyBackups: NightlyBackups
    let surroundings: ServerSurroundings
    let signer: ReceiptSigner
    let extensions: [any ServerExtension]
    let lock: DataFolderLock?
    let logger: Logger
    private let port = Mutex<Int?>(nil)

    package init(
        configuration: ServerConfiguration, parts: ServiceParts, accounts: Accounts,
        hub: EventHub, signer: ReceiptSigner, surroundings: ServerSurroundings,
        extensions: [any ServerExtension] = [], lock: DataFolderLock? = nil,
        lease: TemporaryLease? = nil, logger: Logger
    ) {
        self.configuration = configuration
        self.parts = parts
        self.accounts = accounts
        self.hub = hub
        self.signer = signer
        self.surroundings = surroundings
        self.extensions = extensions
        self.lock = lock
        self.logger = logger
        monitor = ServiceMonitor(
            database: parts.database, store: parts.store,
            surroundings: ServiceMonitor.Surroundings(
                now: surroundings.now,
                monotonicMilliseconds: surroundings.monotonicMilliseconds,
                clock: surroundings.clock, randomBytes: surroundings.randomBytes,
                conditionsFile: configuration.conditionsFile), logger: logger)
        scrub = Scrub(
            database: parts.database, store: parts.store, kernel: parts.kernel,
            now: surroundings.now, randomNumber: surroundings.randomNumber,
            clock: surroundings.clock, logger: logger)
        alerts = Self.alerts(configuration, parts, monitor, surroundings, logger)
        nightlyBackups = Self.nightlyBackups(configuration, parts, surroundings, logger)
        housekeeping = Housekeeping(
            parts: parts, surroundings: surroundings,
            manifest: configuration.folder.manifestWriter(
                parts.database, parts.kernel, blobs: configuration.blobs, surroundings),
            process: surroundings.randomNumber(), lease: lease, logger: logger)
        noticeWatch = NoticeWatch(
            notices: NoticesService(parts: parts, monitor: monitor), hub: hub,
            clock: surroundings.clock, logger: logger)
    }

    /// The port that the server listens on; `nil` before it does.
    package var listeningPort: Int? { port.withLock { $0 } }

    /// The application: for `HummingbirdTesting` without a socket, and for `run`.
    package func buildApplication() throws -> Application<RouterResponder<ServerContext>> {
        let background: [any Service] =
            [
                BackgroundService { [housekeeping] in await housekeeping.run() },
                BackgroundService { [noticeWatch] in try await noticeWatch.run() },
                BackgroundService { [monitor] in try await monitor.run() },
                BackgroundService { [monitor] in try await monitor.probeForever() },
                BackgroundService { [scrub] in try await scrub.run() },
                BackgroundService { [alerts] in try await alerts.run() },
                BackgroundService { [nightlyBackups] in try await nightlyBackups.run() },
                BackgroundService { [surroundings] in
                    while true {
                        try await surroundings.clock.sleep(for: .seconds(Limits.memoryTrimSeconds))
                        ProcessMemory.giveBack()
                    }
                },
            ]
            + extensions.map { part in BackgroundService { try await part.run() } }
        return Application(
            router: buildRouter(), server: try buildServer(),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port),
                backlog: Limits.pendingConnectionsMax),
            services: background,
            onServerRunning: { [self] channel in
                let port = channel.localAddress?.port ?? configuration.port
                self.port.withLock { $0 = port }
                lock?.describe(
                    "process \(ProcessIdentity.number), listening on \(configuration.host):\(port)")
                logger.notice(
                    "Listening", metadata: ["host": "\(configuration.host)", "port": "\(port)"])
            },
            logger: logger)
    }

    /// Serves until a graceful stop; requests under way are answered first.
    package func run() async throws {
        ProcessMemory.keepLittle()
        do {
            try await buildApplication().run()
        } catch let error as IOError {
            throw Self.describe(error, configuration)
        } catch let error as SocketAddressError.UnknownHost {
            throw Self.notFound(configuration, error)
        }
    }

    private static func describe(
        _ error: IOError, _ configuration: ServerConfiguration
    ) -> any Error {
        let address = "\(configuration.host):\(configuration.port)"
        switch error.errnoCode {
        case EADDRINUSE:
            return ServerError(
                .addressInUse,
                "Another program listens on \(address): stop it, or choose another by --listen.",
                cause: error)
        case EACCES, EPERM:
            return ServerError(
                .addressNotAllowed,
                "This user may not listen on \(address): choose a port above 1023.", cause: error)
        case EADDRNOTAVAIL:
            return notFound(configuration, error)
        default:
            return error
        }
    }

    private static func notFound(
        _ configuration: ServerConfiguration, _ cause: any Error
    ) -> ServerError {
        ServerError(
            .addressNotFound,
            "This machine does not have the address \(configuration.host): choose another by "
                + "--listen.", cause: cause)
    }
}
