import Accounts
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Kernel
import Logging
import NIOCore
import Records
import Storage
import TestSupport
import Testing
import WebServer
import Wire

/// A whole server on a folder of its own, with a clock that only moves when told.
final class TestServer: Sendable {
    let server: MartletServer
    let database: any Database
    let folder: TemporaryFolder
    let clock = TestClock(milliseconds: 1_790_000_000_000)

    /// `store` may replace the object store by a double of it, `database` the one of the tests.
    init(
        folder: TemporaryFolder? = nil, configuration: ServerConfiguration? = nil,
        database: (any Database)? = nil,
        store makeStore: (any ObjectStore) -> any ObjectStore = { $0 },
        extensions: [any ServerExtension] = []
    ) async throws {
        let folder = try folder ?? TemporaryFolder()
        let data = DataFolder(path: folder.path)
        try data.prepare()
        let numbers = TestNumbers()
        let surroundings = ServerSurroundings(
            now: clock.read, clock: ContinuousClock(), randomNumber: numbers.next,
            randomBytes: numbers.bytes, monotonicMilliseconds: { 0 })
        let database =
            try database
            ?? TestDatabase.open(data.database, migrations: MartletServer.migrations)
        let kernel = Kernel(
            randomNumber: surroundings.randomNumber, schemas: MartletServer.schemas)
        let now = surroundings.now()
        try await database.write { transaction in
            _ = try kernel.prepare(at: now, in: transaction)
        }
        let metrics = Metrics()
        let store = try BlobsForTests.open(
            folder, path: data.blobs, randomNumber: surroundings.randomNumber)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        server = MartletServer(
            configuration: configuration ?? ServerConfiguration(dataFolder: folder.path),
            parts: ServiceParts(
                database: database, store: makeStore(store), kernel: kernel, metrics: metrics,
                now: surroundings.now),
            accounts: Accounts(
                database: database, kernel: kernel,
                revocations: Revocations(journal: AppendFile(path: data.revoked)),
                hasher: PasswordHasher(logRounds: 10),
                now: surroundings.now, randomBytes: surroundings.randomBytes),
            hub: EventHub(metrics: metrics),
            signer: try ReceiptSigner(path: data.receiptKey), surroundings: surroundings,
            extensions: extensions, logger: logger)
        self.database = database
        self.folder = folder
    }

    /// Hands out a client that speaks to the routes without a socket.
    func run(_ body: @escaping @Sendable (Client) async throws -> Void) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let application = Application(router: server.buildRouter(), logger: logger)
        try await application.test(.router) { try await body(Client(client: $0)) }
    }

    /// Makes an account and signs its device in.
    func person(
        _ name: String, quotaByteCount: Int64? = nil, device: UInt64 = 1
    ) async throws -> Person {
        try await server.accounts.add(
            AccountName(parsing: name), password: Secret("correct horse"),
            quotaByteCount: quotaByteCount)
        return try await signIn(name, device: device)
    }

    func signIn(
        _ name: String, device: UInt64, password: String = "correct horse"
    ) async throws -> Person {
        let (session, token) = try await server.accounts.signIn(
            SignIn(
                account: name, password: Secret(password),
                device: DeviceID(high: 5, low: device), deviceName: "\(name)'s device",
                isBrowser: false, address: "192.0.2.1"))
        let account = session.actor.account
        let zones = try await database.read { [kernel = server.parts.kernel] transaction in
            try kernel.zones(of: account, in: transaction)
        }
        let photos = try #require(zones.first { $0.kind == ZoneKind.photos })
        return Person(
            account: account, device: session.actor.device, token: token.reveal(),
            photos: photos.id)
    }
}

/// Somebody with an account and one signed-in device.
struct Person: Sendable {
    let account: AccountID
    let device: DeviceID
    let token: String
    let photos: ZoneID

    var changesPath: String { "/api/v1/zones/\(photos)/changes" }
    var commitsPath: String { "/api/v1/zones/\(photos)/commits" }
}

extension TestServer {
    /// Flips a bit of the one stored object, as a failing disk would.
    func damageOnlyObject() async throws {
        if BlobsForTests.areInBucket {
            let object = try #require(
                try await server.parts.store.list(after: nil, limit: 1).first)
            return try S3TestServer.shared().put(
                [0], at: "\(folder.name)/objects/\(object.key.text)")
        }
        let root = DataFolder(path: folder.path).blobs + "/objects"
        let names = try FileManager.default.subpathsOfDirectory(atPath: root)
        let path = root + "/" + (try #require(names.last))
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes[0] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}
