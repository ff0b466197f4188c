import Accounts
import HTTPTypes
package import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Kernel
import NIOCore
import Records
import Wire

extension MartletServer {
    /// Every route of the server.
    package func buildRouter() -> Router<ServerContext> {
        let router = Router(context: ServerContext.self)
        router.add(
            middleware: RequestMiddleware(
                metrics: parts.metrics, monitor: monitor, clock: ContinuousClock()))
        let root = router.group("")
        OperationsRoutes(parts: parts).add(to: root)
        for part in extensions { part.addPages(to: root) }

        let origin = OriginRule(publicOrigin: configuration.publicOrigin)
        let authentication = AuthenticationMiddleware(accounts: accounts, origin: origin)
        let prefix = RouterPath(API.prefix)
        let open = router.group(prefix).add(middleware: MaintenanceMiddleware(monitor: monitor))
        SystemStatusRoutes(monitor: monitor).add(to: open, pages: root)
        let zones = ZonesService(
            parts: parts, events: hub,
            committed: { [extensions] in for part in extensions { part.committed() } })
        IdentityRoutes(parts: parts, monitor: monitor).add(to: open)
        SessionsRoutes(
            accounts: accounts, zones: zones, proxies: configuration.trustedProxies,
            origin: origin, isSecure: configuration.isSecure, receiptKey: signer.publicKey
        ).add(open: open, authentication: authentication)

        let closed = router.group(prefix).add(middleware: MaintenanceMiddleware(monitor: monitor))
            .add(middleware: authentication).add(middleware: PermissionMiddleware(zones: zones))
        DevicesRoutes(
            service: DevicesService(parts: parts, accounts: accounts, monitor: monitor)
        ).add(to: closed)
        StorageRoutes(service: StorageService(parts: parts)).add(to: closed)
        ZonesRoutes(service: zones).add(to: closed)
        BlobsRoutes(
            blobs: BlobsService(parts: parts),
            packs: PackService(
                parts: parts, memory: ByteBudget(byteCount: Limits.packMemoryByteCountMax)),
            receipts: ReceiptsService(parts: parts, signer: signer)
        ).add(to: closed)
        let randomNumber = surroundings.randomNumber
        UploadsRoutes(
            service: UploadsService(parts: parts, active: ActiveUploads()),
            randomID: { UploadID(high: randomNumber(), low: randomNumber()) }
        ).add(to: closed)
        EventsRoutes(
            zones: zones, notices: NoticesService(parts: parts, monitor: monitor), hub: hub,
            clock: surroundings.clock
        ).add(to: closed)
        for part in extensions { part.addRoutes(to: closed) }
        return router
    }

    /// HTTP/1.1, by TLS when there is a certificate.
    func buildServer() throws -> HTTPServerBuilder {
        let plain = HTTPServerBuilder.http1(
            configuration: .init(
                idleTimeout: .seconds(Int64(Limits.requestIdleSecondsMax)),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: Limits.headerByteCountMax,
                    maxHeaderListSize: Limits.headerByteCountMax,
                    maxHeaderFieldCount: Limits.headerCountMax)))
        guard let files = configuration.tls else { return plain }
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
            let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            tls.minimumTLSVersion = .tlsv12
            tls.applicationProtocols = ["http/1.1"]
            return try .tls(plain, tlsConfiguration: tls)
        } catch {
            throw ServerError(
                .certificateUnusable,
                "The certificate \(files.certificate) or its key \(files.key) cannot be used: "
                    + "both must be PEM files.",
                cause: error)
        }
    }
}
