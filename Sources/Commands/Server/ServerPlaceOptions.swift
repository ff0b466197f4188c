import Accounts
import Agent
import ArgumentParser
import Kernel
import Operations
import Records
import Storage
import WebServer

/// Where a server keeps its state: the same for `serve` and for what works beside it.
struct ServerPlaceOptions: ParsableArguments {
    @Option(help: "The server's folder; by default ~/.local/share/martlet.")
    var data: String?

    @Option(help: "sqlite, in the server's folder, or postgres://USER:PASSWORD@HOST:PORT/NAME.")
    var database = "sqlite"

    @Option(help: "directory, in the server's folder, or s3://BUCKET[/PREFIX].")
    var blobs = "directory"

    func databasePlace() throws -> DatabasePlace {
        if database == "sqlite" { return .sqlite }
        guard PostgresAddress.isAddress(database) else {
            // What was said may hold a password.
            throw Complaint(
                .usage, "invalidConfiguration",
                "--database takes sqlite, or postgres://USER:PASSWORD@HOST:PORT/NAME.")
        }
        return .postgres(try PostgresAddress(parsing: database))
    }

    /// Absolute.
    func folder() throws -> String {
        DeviceHome.absolute(data ?? DeviceContext.defaultDataFolder)
    }

    /// Where the blobs are; a bucket's key comes from the environment.
    func blobsPlace() throws -> BlobsPlace {
        try BlobsPlace(parsing: blobs, environment: DeviceContext.environment)
    }

    /// All of it.
    func serverPlace() throws -> ServerPlace {
        ServerPlace(
            folder: DataFolder(path: try folder(), database: try databasePlace()),
            blobs: try blobsPlace())
    }

    /// A backup's place, for this server.
    func backupPlace(_ text: String) throws -> any BackupPlace {
        try serverPlace().backupPlace(
            BackupCommand.placeText(text), environment: DeviceContext.environment)
    }

    /// The accounts there.
    ///
    /// Only `creating` makes a server's folder: a typing error must not.
    func accounts(creating: Bool = false) async throws -> Accounts {
        if !creating { _ = try existingFolder() }
        return try await serverPlace().openAccounts()
    }

    /// The account of that name there.
    func account(named text: String) async throws -> (name: AccountName, id: AccountID) {
        let name = try AccountName(parsing: text)
        return (name, try await accounts().find(name))
    }

    /// The plans there.
    func plans() throws -> Plans {
        Plans(
            database: try openDatabase(), kernel: DataFolder.kernel(.system),
            now: ServerSurroundings.system.now)
    }

    /// The database there, beside a server that runs or not.
    func openDatabase() throws -> any Database {
        try DataFolder(path: existingFolder(), database: databasePlace()).openAnyDatabase()
    }

    /// Throws unless a server keeps its data there, or elsewhere as a whole.
    func existingFolder() throws -> String {
        let folder = try folder()
        if try serverPlace().isElsewhere { return folder }
        guard DataFolder(path: folder, database: try databasePlace()).holdsServer else {
            throw Complaint(
                .usage, "noServerThere",
                "No server keeps its data in \(folder): name its folder by --data.")
        }
        return folder
    }
}
