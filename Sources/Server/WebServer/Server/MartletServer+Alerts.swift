import HummingbirdTLS
import Kernel
import Logging
import NIOPosix
import Operations
import Records
import Storage

extension MartletServer {
    /// What tells the owner of what needs attention.
    static func alerts(
        _ configuration: ServerConfiguration, _ parts: ServiceParts, _ monitor: ServiceMonitor,
        _ surroundings: ServerSurroundings, _ logger: Logger
    ) -> AlertWatch {
        let causes = AlertCauses(
            monitor: monitor, certificateEndsAt: certificateEnd(configuration),
            now: surroundings.now,
            examined: {
                try await NIOThreadPool.singleton.runIfActive {
                    examined(configuration.folder, parts, surroundings)
                }
            })
        return AlertWatch(
            database: parts.database, server: configuration.shownName,
            sender: NetworkAlertSender(), services: causes.services,
            look: { try await causes.look(silentDays: $0) },
            surroundings: AlertWatch.Surroundings(
                now: surroundings.now, randomNumber: surroundings.randomNumber,
                clock: surroundings.clock), logger: logger)
    }

    /// The running server as the doctor sees it.
    ///
    /// With its own connections but for SQLite's, which the doctor opens for looking only. Blocks.
    private static func examined(
        _ folder: DataFolder, _ parts: ServiceParts, _ surroundings: ServerSurroundings
    ) -> ExaminedServer {
        let database: Result<any Database, StorageError>
        if case .sqlite = folder.place {
            database = Result { () throws(StorageError) in
                try SQLiteReader(path: folder.database, migrations: migrations)
            }
        } else {
            database = .success(parts.database)
        }
        return ExaminedServer(
            place: ExaminedServer.Place(
                folder: folder.path, manifest: folder.manifest, workFolder: folder.path,
                holder: nil),
            database: database, store: .success(parts.store), kernel: parts.kernel,
            migrations: migrations,
            surroundings: ExaminedServer.Surroundings(
                now: surroundings.now,
                monotonicMilliseconds: surroundings.monotonicMilliseconds,
                clock: surroundings.clock), isDeep: false)
    }

    /// When the first of the certificates ends that this process shows: they are read at its start.
    private static func certificateEnd(_ configuration: ServerConfiguration) -> Timestamp? {
        guard let files = configuration.tls,
            let chain = try? NIOSSLCertificate.fromPEMFile(files.certificate)
        else { return nil }
        return chain.map { Timestamp(milliseconds: Int64($0.notValidAfter) * 1_000) }.min()
    }
}

extension ServerConfiguration {
    /// How the owner knows the server.
    var shownName: String { publicURL ?? "\(host):\(port)" }
}
