import Accounts
import Foundation
import HTTPTypes
import HummingbirdTesting
import Logging
import NIOCore
import NIOSSL
import Records
import ServiceLifecycle
import Testing
import TestSupport
import WebServer
import Wire

/// The whole server on a socket.
@Suite(.serialized) struct ServerLifeTests {
    private func open(_ folder: TemporaryFolder, port: Int = 0) async throws -> MartletServer {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return try await MartletServer.open(
            ServerConfiguration(dataFolder: folder.path, port: port), logger: logger)
    }

    private func group(_ server: MartletServer) -> ServiceGroup {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return ServiceGroup(configuration: .init(services: [server], logger: logger))
    }

    private func port(of server: MartletServer) async throws -> Int {
        for _ in 0..<500 {
            if let port = server.listeningPort { return port }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw ServerError(.addressNotFound, "The server does not listen.")
    }

    @Test(.timeLimit(.minutes(1)))
    func `a server starts, answers, and stops though somebody listens to its events`()
        async throws
    {
        let folder = try TemporaryFolder()
        let server = try await open(folder)
        try await server.accounts.add(
            AccountName(parsing: "anna"), password: Secret("correct horse"))
        let (_, token) = try await server.accounts.signIn(
            SignIn(
                account: "anna", password: Secret("correct horse"),
                device: DeviceID(high: 1, low: 1), deviceName: "laptop", isBrowser: false,
                address: "127.0.0.1"))
        let group = group(server)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try await port(of: server)
            try await TestClient.withClient(host: "127.0.0.1", port: port) { client in
                #expect(try await client.get("/health").status == .ok)
                // The last request of this connection: it never ends by itself.
                try await client.executeAndDontWaitForResponse(
                    .init(
                        API.events, method: .get,
                        headers: [.authorization: "Bearer \(token.reveal())"]))
                try await Task.sleep(for: .milliseconds(200))
                await group.triggerGracefulShutdown()
            }
            try await tasks.waitForAll()
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a port in use is said with what to do`() async throws {
        let folder = try TemporaryFolder()
        let other = try TemporaryFolder()
        let first = try await open(folder)
        let group = group(first)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try await port(of: first)
            let second = try await open(other, port: port)
            let error = await #expect(throws: ServerError.self) { try await second.run() }
            #expect(error?.code == .addressInUse)
            #expect(error?.message.contains("127.0.0.1:\(port)") == true)
            // The data folder is the first server's as long as it runs.
            let third = await #expect(throws: ServerError.self) { try await self.open(folder) }
            #expect(third?.code == .dataFolderInUse)
            #expect(third?.message.contains("\(port)") == true)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func `a certificate that is none is refused before anything listens`() async throws {
        let folder = try TemporaryFolder()
        var configuration = ServerConfiguration(dataFolder: folder.path, port: 0)
        configuration.tls = .init(certificate: "/nonexistent.pem", key: "/nonexistent.key")
        let server = try await MartletServer.open(configuration, logger: Logger(label: "test"))
        let error = await #expect(throws: ServerError.self) { try await server.run() }
        #expect(error?.code == .certificateUnusable)
    }

    @Test func `a data folder that cannot be made is refused`() async throws {
        let error = await #expect(throws: ServerError.self) {
            _ = try await MartletServer.open(
                ServerConfiguration(dataFolder: "/proc/martlet"), logger: Logger(label: "test"))
        }
        #expect(error?.code == .dataFolderUnusable)
    }

    @Test(.timeLimit(.minutes(1)), .enabled(if: SelfSigned.isPossible))
    func `with a certificate the server speaks TLS`() async throws {
        let folder = try TemporaryFolder()
        let certificate = try TemporaryFolder()
        try SelfSigned.make(in: certificate)
        var configuration = ServerConfiguration(dataFolder: folder.path, port: 0)
        configuration.tls = .init(
            certificate: certificate.file("certificate.pem"), key: certificate.file("key.pem"))
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = try await MartletServer.open(configuration, logger: logger)
        let group = group(server)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try await port(of: server)
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(certificate.file("certificate.pem"))
            tls.certificateVerification = .noHostnameVerification
            try await TestClient.withClient(
                host: "localhost", port: port, configuration: .init(tlsConfiguration: tls)
            ) { client in
                let answer = try await client.get(API.identity)
                #expect(answer.status == .ok)
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

/// A certificate of its own, made by openssl.
private enum SelfSigned {
    static var isPossible: Bool {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/openssl")
    }

    static func make(in folder: TemporaryFolder) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", folder.file("key.pem"), "-out", folder.file("certificate.pem"),
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
    }
}
