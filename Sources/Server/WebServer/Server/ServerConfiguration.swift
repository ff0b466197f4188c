package import Storage

/// Where a server keeps its records.
package enum DatabasePlace: Sendable {
    /// In its folder.
    case sqlite
    case postgres(PostgresAddress)
}

/// How a server is started.
package struct ServerConfiguration: Sendable {
    /// A certificate chain and its key, as PEM files.
    package struct TLSFiles: Hashable, Sendable {
        package let certificate: String
        package let key: String

        package init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    package var dataFolder: String
    package var database: DatabasePlace
    /// Other servers, of the same PostgreSQL database, use the folder as well.
    package var sharesFolder: Bool
    package var blobs: BlobsPlace
    package var host: String
    /// 0: any free port.
    package var port: Int
    package var tls: TLSFiles?
    /// How browsers reach the server when that is not its own address, such as through a proxy.
    package var publicURL: String?
    package var trustedProxies: TrustedProxies
    /// Serves the web page from a folder instead of the one in the program: for work on the page.
    package var webFolder: String?
    /// The program to run as a decoding child; `nil`: this one.
    package var decoderProgram: String?
    /// What MARTLET_SERVER_CONDITIONS names; for tests.
    package var conditionsFile: String?
    /// Has the keys of buckets that backups go into.
    package var environment: [String: String]

    package init(
        dataFolder: String, database: DatabasePlace = .sqlite, sharesFolder: Bool = false,
        blobs: BlobsPlace = .directory, host: String = "127.0.0.1", port: Int = 8_080,
        tls: TLSFiles? = nil, publicURL: String? = nil, trustedProxies: TrustedProxies = .none,
        webFolder: String? = nil, decoderProgram: String? = nil, conditionsFile: String? = nil,
        environment: [String: String] = [:]
    ) {
        self.dataFolder = dataFolder
        self.database = database
        self.sharesFolder = sharesFolder
        self.blobs = blobs
        self.host = host
        self.port = port
        self.tls = tls
        self.publicURL = publicURL
        self.trustedProxies = trustedProxies
        self.webFolder = webFolder
        self.decoderProgram = decoderProgram
        self.conditionsFile = conditionsFile
        self.environment = environment
    }

    package var folder: DataFolder {
        DataFolder(
            path: dataFolder, database: database,
            isShared: sharesFolder || place.isElsewhere)
    }

    /// All that the server has its data in.
    package var place: ServerPlace {
        ServerPlace(
            folder: DataFolder(path: dataFolder, database: database, isShared: sharesFolder),
            blobs: blobs)
    }

    /// Browsers reach the server by TLS, its own or a proxy's: cookies are marked so.
    var isSecure: Bool { tls != nil || publicURL?.lowercased().hasPrefix("https://") == true }

    /// `scheme://host[:port]` of the public URL, as browsers name an origin.
    var publicOrigin: String? {
        guard let publicURL else { return nil }
        let parts = publicURL.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].last == ":", parts[1].isEmpty else { return nil }
        return parts.prefix(3).joined(separator: "/").lowercased()
    }
}
