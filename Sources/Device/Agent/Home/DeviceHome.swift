import NIOSSL
package import Records
import SyncEngine
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The device's own folder: MARTLET_HOME, so that several devices can live on one machine.
///
///     configuration.json   where the server is, which account and device this is
///     token                the device's secret, readable by its owner only
///     device.sqlite        what the device knows
///     agent.lock           held by the agent that runs
///     agent.sock           where it answers
///     reading              what it reads now, so that a crash names its cause
///     trusted.pem          authorities that the server's certificate may come from
package struct DeviceHome: Hashable, Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// MARTLET_HOME; else `martlet` in XDG_CONFIG_HOME; else `~/.config/martlet`.
    package init(environment: [String: String]) {
        if let path = environment["MARTLET_HOME"], !path.isEmpty {
            self.path = Self.absolute(path)
        } else if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") {
            path = folder + "/martlet"
        } else {
            path = Self.userFolder(environment) + "/.config/martlet"
        }
    }

    /// Where the library goes unless the user names a folder.
    package static func defaultLibrary(environment: [String: String]) -> String {
        if let home = environment["MARTLET_HOME"], !home.isEmpty {
            return absolute(home) + "/Library"
        }
        return userFolder(environment) + "/Martlet"
    }

    package static func absolute(_ path: String) -> String {
        let whole =
            path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        var components: [Substring] = []
        for component in whole.split(separator: "/") where component != "." {
            if component == ".." { _ = components.popLast() } else { components.append(component) }
        }
        return "/" + components.joined(separator: "/")
    }

    private static func userFolder(_ environment: [String: String]) -> String {
        environment["HOME"].flatMap { $0.isEmpty ? nil : $0 }
            ?? FileManager.default.homeDirectoryForCurrentUser.path
    }

    package var databasePath: String { path + "/device.sqlite" }
    package var lockPath: String { path + "/agent.lock" }
    package var socketPath: String { path + "/agent.sock" }
    package var readingPath: String { path + "/reading" }
    package var configurationPath: String { path + "/configuration.json" }
    package var tokenPath: String { path + "/token" }
    /// How far doctor's deep look came.
    package var rereadingPath: String { path + "/reading-again.json" }
    private var signingOutPath: String { path + "/signing-out" }

    private var trustedPath: String { path + "/trusted.pem" }

    /// PEM files with authorities beside the system's: the device's own, and that of SSL_CERT_FILE,
    /// as other programs read it.
    package func trustedFiles(
        _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> [String] {
        [trustedPath, environment["SSL_CERT_FILE"] ?? ""].filter {
            !$0.isEmpty && access($0, R_OK) == 0
        }
    }

    /// Keeps a copy of a PEM file with the authority that signed the server's certificate.
    package func trust(certificatesIn file: String) throws(AgentError) {
        guard let data = FileManager.default.contents(atPath: file),
            data.count <= Limits.certificateFileByteCountMax
        else {
            throw AgentError(
                .invalidConfiguration,
                "\(file) cannot be read: name a PEM file of the authority's certificate.")
        }
        do {
            guard try !NIOSSLCertificate.fromPEMBytes(Array(data)).isEmpty else {
                throw NIOSSLError.failedToLoadCertificate
            }
        } catch {
            throw AgentError(
                .invalidConfiguration,
                "\(file) holds no certificate in PEM form (-----BEGIN CERTIFICATE-----).",
                cause: error)
        }
        do {
            try writeDurably([UInt8](data), to: trustedPath, mode: 0o600)
        } catch {
            throw AgentError(
                .homeUnusable,
                "The folder \(path) cannot be written: check its rights and its disk.",
                cause: error)
        }
    }

    /// Makes the folder, for its owner only.
    package func make() throws(AgentError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw AgentError(
                .homeUnusable, "The folder \(path) cannot be made: check MARTLET_HOME.",
                cause: error)
        }
    }

    /// Why nothing can be written to the folder; `nil` when it can be.
    package var cannotBeWritten: String? {
        access(path, W_OK) == 0 ? nil : DiskError(errno: errno).text
    }

    package var isSignedIn: Bool { access(configurationPath, F_OK) == 0 && hasToken }

    private var hasToken: Bool { access(tokenPath, F_OK) == 0 }

    /// Throws `notSignedIn` before the first sign-in.
    package func configuration() throws(AgentError) -> DeviceConfiguration {
        guard let data = FileManager.default.contents(atPath: configurationPath) else {
            throw AgentError(
                .notSignedIn,
                "This device is not signed in: run martlet login with your server's address.")
        }
        do {
            return try JSONDecoder().decode(DeviceConfiguration.self, from: data)
        } catch {
            throw AgentError(
                .invalidConfiguration,
                "\(configurationPath) cannot be read: run martlet login again.", cause: error)
        }
    }

    package func token() throws(AgentError) -> BearerToken {
        guard let data = FileManager.default.contents(atPath: tokenPath) else {
            throw AgentError(
                .notSignedIn,
                "This device is not signed in: run martlet login with your server's address.")
        }
        return BearerToken(String(decoding: data, as: UTF8.self))
    }

    package func save(
        _ configuration: DeviceConfiguration, token: BearerToken
    ) throws(AgentError) {
        endSigningOut()
        do {
            try writeDurably(Array(token.reveal().utf8), to: tokenPath, mode: 0o600)
        } catch {
            throw AgentError(
                .homeUnusable,
                "The folder \(path) cannot be written: check its rights and its disk.",
                cause: error)
        }
        try save(configuration)
    }

    package func save(_ configuration: DeviceConfiguration) throws(AgentError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try writeDurably(
                [UInt8](encoder.encode(configuration)), to: configurationPath, mode: 0o600)
        } catch {
            throw AgentError(
                .homeUnusable,
                "The folder \(path) cannot be written: check its rights and its disk.",
                cause: error)
        }
    }

    /// Forgets the sign-in; what the device knows of its files goes too, the files stay.
    ///
    /// The secret goes first, and last what a process that goes on with it needs.
    package func forget() {
        for file in [
            tokenPath, trustedPath, databasePath, databasePath + "-wal", databasePath + "-shm",
            configurationPath, signingOutPath, rereadingPath,
        ] {
            _ = unlink(file)
        }
    }

    func forgetToken() { _ = unlink(tokenPath) }

    // MARK: Signing out with the files' removal

    /// All that may leave this device has left, and only its sign-in is to be ended.
    var isSigningOut: Bool { access(signingOutPath, F_OK) == 0 }

    func noteSigningOut() throws(AgentError) {
        do {
            try writeDurably([], to: signingOutPath, mode: 0o600)
        } catch {
            throw AgentError(
                .homeUnusable,
                "The folder \(path) cannot be written: check its rights and its disk.",
                cause: error)
        }
    }

    /// The device goes on: it was signed in again, or its agent runs.
    func endSigningOut() { _ = unlink(signingOutPath) }
}

/// What the device was told at sign-in and can be read by people.
package struct DeviceConfiguration: Hashable, Sendable, Codable {
    package var server: String
    package var account: String
    package var device: DeviceID
    package var deviceName: String
    /// Absolute path of the library's folder.
    package var library: String
    /// The key that the server's receipts are checked with, as the server gave it at the latest
    /// sign-in: 32 bytes, hexadecimal.
    ///
    /// `nil`: an earlier version of the server gave none.
    package var receiptKey: String?

    package init(
        server: String, account: String, device: DeviceID, deviceName: String, library: String,
        receiptKey: String? = nil
    ) {
        self.server = server
        self.account = account
        self.device = device
        self.deviceName = deviceName
        self.library = library
        self.receiptKey = receiptKey
    }
}

/// The device's secret; no log and no message may show it.
package struct BearerToken: Hashable, Sendable, CustomStringConvertible,
    CustomDebugStringConvertible
{
    private let text: String

    package init(_ text: String) { self.text = text }

    package func reveal() -> String { text }

    package var description: String { "<token>" }
    package var debugDescription: String { "<token>" }
}

/// Held while an agent runs for a home, so that there is only one.
///
/// Freed by the system with the process, however it ends.
package final class AgentLock: Sendable {
    private let file: Int32
    /// The holders before this one ended by themselves: no kill, no power cut.
    package let endedInGoodOrder: Bool
    private let isChecked = Atomic(false)

    /// Throws `agentRuns`, naming its process and since when it runs, when another holds it.
    package init(_ home: DeviceHome, since: Timestamp? = nil) throws(AgentError) {
        file = open(home.lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            let cause = DiskError(errno: errno).text
            throw AgentError(
                .homeUnusable,
                "The folder \(home.path) cannot be written (\(cause)): check its disk and its "
                    + "rights.")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.holder(of: home)
            _ = close(file)
            throw AgentError(
                .agentRuns, "The agent of this device runs already (\(holder)).")
        }
        endedInGoodOrder = FileManager.default.contents(atPath: home.lockPath)?.isEmpty ?? true
        let began = since.map { " since \(Self.text(of: $0))" } ?? ""
        let text = Array("process \(getpid())\(began)\n".utf8)
        _ = ftruncate(file, 0)
        _ = text.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, 0) }
    }

    /// A holder that did not look at the database leaves it suspicious.
    deinit {
        if endedInGoodOrder || isChecked.load(ordering: .relaxed) { _ = ftruncate(file, 0) }
        _ = close(file)
    }

    /// What an earlier holder left was proven to be whole.
    package func noteCheck() { isChecked.store(true, ordering: .relaxed) }

    /// Whether an agent could begin now; leaves no trace.
    package static func isFree(_ home: DeviceHome) -> Bool {
        let file = open(home.lockPath, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return true }
        defer { _ = close(file) }
        return flock(file, LOCK_EX | LOCK_NB) == 0
    }

    /// Who holds it, or held it last: its process and since when.
    package static func holder(of home: DeviceHome) -> String {
        let data = FileManager.default.contents(atPath: home.lockPath) ?? Data()
        let text = String(decoding: data, as: UTF8.self).split(separator: "\n").first ?? ""
        return text.isEmpty ? "process unknown" : String(text)
    }

    /// As this machine's clock shows it.
    private static func text(of time: Timestamp) -> String {
        var seconds = time_t(time.milliseconds / 1_000)
        var parts = tm()
        localtime_r(&seconds, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%Y-%m-%d %H:%M:%S", &parts)
        return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
