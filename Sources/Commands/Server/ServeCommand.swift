import Agent
import ArgumentParser
import Logging
import Records
import ServiceLifecycle
import UnixSignals
import WebServer

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the cloud.",
        discussion: "SIGTERM or Ctrl-C stops it in good order.")

    @OptionGroup var place: ServerPlaceOptions

    @Flag(help: "Other servers of the same PostgreSQL database use the folder of --data as well.")
    var blobsShared = false

    @Option(help: "Where to listen, as HOST:PORT.")
    var listen = "127.0.0.1:8250"

    @Option(help: "The address that people use, when it is not the server's own.")
    var publicURL: String?

    @Option(help: "A proxy to be believed about its clients' addresses, as ADDRESS/BITS.")
    var trustedProxy: [String] = []

    @Option(help: "The certificate's PEM file, for TLS.")
    var tlsCertificate: String?

    @Option(help: "The certificate's key, a PEM file.")
    var tlsKey: String?

    @Option(help: "Serve the web page from this folder: for work on the page.")
    var web: String?

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let configuration = try makeConfiguration()
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let logger = Logger(label: "martlet")
        let server = try await MartletServer.open(configuration, logger: logger)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: server)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    private func makeConfiguration() throws -> ServerConfiguration {
        let (host, port) = try Self.address(listen)
        guard (tlsCertificate == nil) == (tlsKey == nil) else {
            throw Complaint(
                .usage, "certificateUnusable",
                "TLS takes two files: --tls-certificate and --tls-key.")
        }
        guard let proxies = TrustedProxies(parsing: trustedProxy) else {
            throw Complaint(
                .usage, "invalidConfiguration",
                "--trusted-proxy takes an address or ADDRESS/BITS, such as 10.0.0.0/8.")
        }
        if let publicURL,
            !publicURL.contains("://") || (try? ServerAddress(parsing: publicURL)) == nil
        {
            throw Complaint(
                .usage, "invalidConfiguration",
                "--public-url takes an address such as https://photos.example.org, "
                    + "not “\(publicURL)”.")
        }
        var tls: ServerConfiguration.TLSFiles?
        if let tlsCertificate, let tlsKey {
            tls = ServerConfiguration.TLSFiles(certificate: tlsCertificate, key: tlsKey)
        }
        if blobsShared {
            guard case .postgres = try place.databasePlace() else {
                throw Complaint(
                    .usage, "invalidConfiguration",
                    "--blobs-shared is for several servers of one PostgreSQL database: say which "
                        + "by --database postgres://….")
            }
        }
        return ServerConfiguration(
            dataFolder: try place.folder(), database: try place.databasePlace(),
            sharesFolder: blobsShared, blobs: try place.blobsPlace(), host: host, port: port,
            tls: tls,
            publicURL: publicURL, trustedProxies: proxies,
            webFolder: web ?? DeviceContext.environment["MARTLET_WEB"],
            conditionsFile: DeviceContext.environment["MARTLET_SERVER_CONDITIONS"],
            environment: DeviceContext.environment)
    }

    /// `HOST:PORT`, with brackets around an IPv6 address.
    static func address(_ text: String) throws -> (host: String, port: Int) {
        guard let colon = text.lastIndex(of: ":"),
            let port = Int(text[text.index(after: colon)...]), (0...65_535).contains(port)
        else {
            throw Complaint(
                .usage, "invalidConfiguration",
                "--listen takes HOST:PORT, such as 127.0.0.1:8250, not “\(text)”.")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return (host.isEmpty ? "127.0.0.1" : host, port)
    }
}
