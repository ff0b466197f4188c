import Foundation
import Glibc
import Records
import TestSupport

struct HouseholdError: Error, CustomStringConvertible {
    let description: String
}

/// A server and its devices, in a folder of their own, as processes on loopback.
final class Household {
    let folder: TemporaryFolder
    private(set) var port: Int
    private(set) var password: String
    private(set) var server: Process?
    private(set) var data: String
    private let usesTLS: Bool
    /// Where the server keeps its records, for `serve` and what works beside it.
    private var place: [String]
    private let serverOptions: [String]
    /// By their ports.
    private var others: [Int: Process] = [:]
    private var blobs: String?
    /// Other servers share no folder with the first, and each start of one begins with an empty one.
    private let isApart: Bool
    private var apartCount = 0
    private var agents: [Process] = []

    /// `data`: the server's folder; by default one in the household's own.
    ///
    /// `usesTLS`: with a certificate that only this household trusts.
    /// `database`: its address, when it is not SQLite's; `options` are more of `serve`'s.
    ///
    /// `inBucket`: its blobs are in the bucket of `S3TestServer`, below the folder's name.
    ///
    /// `isApart`: its servers share nothing but the database and the bucket.
    init(
        data: String? = nil, usesTLS: Bool = false, database: String? = nil,
        options: [String] = [], inBucket: Bool = false, isApart: Bool = false
    ) throws {
        folder = try TemporaryFolder()
        self.isApart = isApart
        blobs = inBucket ? try S3TestServer.shared().place(folder.name) : nil
        self.usesTLS = usesTLS
        place = database.map { ["--database", $0] } ?? []
        serverOptions = options
        self.data = data ?? folder.file("data")
        port = try Household.freePort()
        let made = try Program.run(
            ["account", "add", "me", "--data", self.data, "--generate"] + place)
        guard made.status == 0, let last = made.output.split(separator: "\n").last else {
            throw HouseholdError(description: "account add: \(made.errors)")
        }
        password = String(last)
        if usesTLS { try makeCertificate() }
        // Another program may take a free port before the server does.
        do { try startServer() } catch {
            port = try Household.freePort()
            try startServer()
        }
    }

    deinit {
        for process in agents + Array(others.values) + [server].compactMap(\.self)
        where process.isRunning {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    var url: String { usesTLS ? "https://localhost:\(port)" : "http://127.0.0.1:\(port)" }
    var certificate: String { folder.file("certificate.pem") }

    /// Signed by itself; the server takes it at its next start.
    ///
    /// `validity`: in the words of `openssl ca`.
    func makeCertificate(
        for host: String = "localhost", validity: String = "-days 2"
    ) throws {
        let script = """
            set -e; cd '\(folder.path)'; : >index.txt
            cat >certificate.cnf <<END
            [ca]
            default_ca = own
            [own]
            new_certs_dir = .
            database = index.txt
            rand_serial = yes
            default_md = sha256
            policy = any
            unique_subject = no
            x509_extensions = names
            [any]
            commonName = supplied
            [names]
            subjectAltName = DNS:\(host)
            basicConstraints = CA:TRUE
            END
            openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \\
                -subj '/CN=\(host)' -keyout key.pem -out request.pem
            openssl ca -config certificate.cnf -selfsign -batch -notext -in request.pem \\
                -keyfile key.pem -out certificate.pem \(validity)
            """
        guard try shell("{ \(script)\n} >/dev/null") == 0 else {
            throw HouseholdError(description: "openssl makes no certificate")
        }
    }

    func startServer(with more: [String: String] = [:]) throws {
        server = try start(port: port, data: data, with: more)
    }

    /// One beside the first, of the same database; returns its port.
    ///
    /// `port`: that of an earlier one, which was killed.
    @discardableResult
    func startOtherServer(at port: Int? = nil) throws -> Int {
        let port = try port ?? Household.freePort()
        apartCount += 1
        others[port] = try start(
            port: port, data: isApart ? folder.file("data-\(apartCount)") : data, with: [:])
        return port
    }

    func killOtherServer(at port: Int) {
        guard let process = others.removeValue(forKey: port) else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    private func start(
        port: Int, data: String, with more: [String: String]
    ) throws -> Process {
        let log = folder.file("server.log")
        if !FileManager.default.fileExists(atPath: log) {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
        }
        let handle = FileHandle(forWritingAtPath: log)
        _ = try handle?.seekToEnd()
        let server = try Program.start(
            ["serve", "--data", data, "--listen", "127.0.0.1:\(port)"] + place + serverOptions
                + (usesTLS
                    ? ["--tls-certificate", certificate, "--tls-key", folder.file("key.pem")] : [])
                + bucket,
            environment: try bucketEnvironment().merging(more) { $1 },
            output: handle)
        for _ in 0..<1_200 where server.isRunning {
            if Household.answers(port: port) { return server }
            usleep(50_000)
        }
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        throw HouseholdError(description: "The server did not start: \(text.suffix(2000))")
    }

    private var bucket: [String] { blobs.map { ["--blobs", $0] } ?? [] }

    private func bucketEnvironment() throws -> [String: String] {
        blobs == nil ? [:] : try S3TestServer.shared().environment
    }

    /// Where the server is from now on, after it was moved there.
    func useServer(at data: String, database: String?, blobs: String?) {
        self.data = data
        place = database.map { ["--database", $0] } ?? []
        self.blobs = blobs
    }

    /// As its service manager stops it; returns its exit status.
    func stopServer() -> Int32? {
        guard let process = server else { return nil }
        kill(process.processIdentifier, SIGTERM)
        process.waitUntilExit()
        server = nil
        return process.terminationStatus
    }

    func killServer() {
        guard let process = server else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        server = nil
    }

    /// A command beside the server, on its data.
    @discardableResult
    func onServer(_ arguments: String..., input: String? = nil) throws -> Program.Result {
        try onServer(arguments, input: input)
    }

    @discardableResult
    func onServer(_ arguments: [String], input: String? = nil) throws -> Program.Result {
        try Program.run(arguments + ["--data", data] + place, input: input)
    }

    /// A page of the server's, without a sign-in.
    func get(_ path: String) throws -> Data {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["curl", "-sS", "--max-time", "10", url + path]
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return data
    }

    func home(_ device: String) -> String { folder.file("home-\(device)") }
    func library(_ device: String) -> String { folder.file("library-\(device)") }
    /// The file that says what the device's machine is like; see `setConditions`.
    func conditions(_ device: String) -> String { folder.file("conditions-\(device).json") }

    /// What more the devices' programs find in their environment.
    var surroundings: [String: String] = [:]

    private func environment(_ device: String) -> [String: String] {
        ["MARTLET_HOME": home(device), "MARTLET_CONDITIONS": conditions(device)].merging(
            surroundings
        ) { $1 }
    }

    /// `port`: of another server than the first.
    func signIn(_ device: String, optimize: Bool = false, port: Int? = nil) throws {
        let options =
            (optimize ? ["--optimize"] : []) + (usesTLS ? ["--trust", certificate] : [])
        let result = try Program.run(
            [
                "login", port.map { "http://127.0.0.1:\($0)" } ?? url, "--account", "me",
                "--device", device, "--library", library(device),
                "--password-stdin",
            ] + options, environment: environment(device), input: password + "\n")
        guard result.status == 0 else {
            throw HouseholdError(description: "login: \(result.errors)")
        }
    }

    func changePassword(_ new: String) throws {
        let result = try Program.run(
            ["account", "passwd", "me", "--data", data, "--password-stdin"] + place + bucket,
            environment: bucketEnvironment(), input: new + "\n")
        guard result.status == 0 else {
            throw HouseholdError(description: "account passwd: \(result.errors)")
        }
        password = new
    }

    /// Beside the server, which hears nothing of it.
    func setQuota(_ size: String) throws {
        let result = try Program.run(
            ["account", "quota", "me", size, "--data", data] + place + bucket,
            environment: bucketEnvironment())
        guard result.status == 0 else {
            throw HouseholdError(description: "account quota: \(result.errors)")
        }
    }

    @discardableResult
    func martlet(_ device: String, _ arguments: String...) throws -> Program.Result {
        try martlet(device, arguments)
    }

    @discardableResult
    func martlet(_ device: String, _ arguments: [String]) throws -> Program.Result {
        try Program.run(arguments, environment: environment(device))
    }

    /// Starts `martlet sync` and lets it run.
    ///
    /// What it prints is kept in `agentLog`.
    func startAgent(
        _ device: String, _ arguments: String..., with more: [String: String] = [:]
    ) throws -> Process {
        let log = agentLog(device)
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let agent = try Program.start(
            ["sync"] + arguments, environment: environment(device).merging(more) { $1 },
            output: FileHandle(forWritingAtPath: log))
        agents.append(agent)
        return agent
    }

    func agentLog(_ device: String) -> String { folder.file("agent-\(device).log") }

    /// What the latest agent of the device has printed.
    func log(_ device: String) throws -> String {
        try String(contentsOfFile: agentLog(device), encoding: .utf8)
    }

    /// Ends an agent as a power cut would, and waits for its end.
    func killAgent(_ agent: Process) {
        kill(agent.processIdentifier, SIGKILL)
        agent.waitUntilExit()
    }

    /// Ends all agents as a power cut would, also those that were stopped.
    func endAgents() {
        for agent in agents where agent.isRunning { killAgent(agent) }
    }

    /// Requests that the server has answered so far, by its own count.
    func requestCount() async throws -> Int {
        let (data, _) = try await Household.get("\(url)/metrics")
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        return lines.filter {
            $0.hasPrefix("martlet_requests_total") && !$0.contains("/metrics")
        }
        .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }
        .reduce(0) { $0 + Int($1) }
    }

    /// Bytes of request bodies that the server has taken since it started.
    func receivedByteCount() async throws -> Int {
        let (data, _) = try await Household.get("\(url)/metrics")
        let line = String(decoding: data, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("martlet_received_bytes_total") }
        return line.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) } ?? 0
    }

    private static func get(_ url: String) async throws -> (Data, Int32) {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["curl", "-sS", "--max-time", "10", url]
        process.standardOutput = pipe
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (data, process.terminationStatus)
    }

    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw HouseholdError(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    private static func answers(port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
