import Crypto
import CryptoExtras
import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A password as it is stored: scrypt (RFC 7914) with its parameters, in the PHC string format.
///
///     $scrypt$ln=14,r=8,p=5$<salt>$<key>      base64 without padding
///
/// N=2^14, r=8, p=5 takes 16 MiB; OWASP counts it as strong as N=2^17, r=8, p=1.
struct PasswordHash: Hashable, Sendable {
    static let saltByteCount = 16
    static let keyByteCount = 32
    static let blockSize = 8
    static let parallelism = 5

    let logRounds: Int
    let blockSize: Int
    let parallelism: Int
    let salt: [UInt8]
    let key: [UInt8]

    /// Takes time and memory on purpose; blocks.
    init(of password: String, salt: [UInt8], logRounds: Int) throws(AccountsError) {
        self.logRounds = logRounds
        blockSize = Self.blockSize
        parallelism = Self.parallelism
        self.salt = salt
        key = try Self.derive(
            password, salt: salt, logRounds: logRounds, blockSize: Self.blockSize,
            parallelism: Self.parallelism)
    }

    /// `nil` for text of another form, or with parameters that would take more than 64 MiB.
    init?(parsing text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt",
            let salt = Self.decode(parts[3]), let key = Self.decode(parts[4])
        else { return nil }
        var values: [Substring: Int] = [:]
        for pair in parts[2].split(separator: ",") {
            let sides = pair.split(separator: "=")
            guard sides.count == 2, let value = Int(sides[1]) else { return nil }
            values[sides[0]] = value
        }
        guard let logRounds = values["ln"], (10...16).contains(logRounds),
            let blockSize = values["r"], (1...8).contains(blockSize),
            let parallelism = values["p"], (1...16).contains(parallelism),
            (8...64).contains(salt.count), (16...64).contains(key.count)
        else { return nil }
        self.logRounds = logRounds
        self.blockSize = blockSize
        self.parallelism = parallelism
        self.salt = salt
        self.key = key
    }

    var text: String {
        "$scrypt$ln=\(logRounds),r=\(blockSize),p=\(parallelism)"
            + "$\(Self.encode(salt))$\(Self.encode(key))"
    }

    /// Takes as long as making the hash; blocks.
    func matches(_ password: String) throws(AccountsError) -> Bool {
        let key = try Self.derive(
            password, salt: salt, logRounds: logRounds, blockSize: blockSize,
            parallelism: parallelism, byteCount: key.count)
        return ConstantTime.equal(key, self.key)
    }

    private static func derive(
        _ password: String, salt: [UInt8], logRounds: Int, blockSize: Int, parallelism: Int,
        byteCount: Int = keyByteCount
    ) throws(AccountsError) -> [UInt8] {
        do {
            let key = try KDF.Scrypt.deriveKey(
                from: Array(password.utf8), salt: salt, outputByteCount: byteCount,
                rounds: 1 << logRounds, blockSize: blockSize, parallelism: parallelism)
            return key.withUnsafeBytes { Array($0) }
        } catch {
            throw AccountsError(
                .hashingFailed, "The password cannot be checked now: try again shortly.",
                cause: error)
        }
    }

    private static func encode(_ bytes: [UInt8]) -> String {
        var text = Data(bytes).base64EncodedString()
        while text.last == "=" { text.removeLast() }
        return text
    }

    private static func decode(_ text: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        return Data(base64Encoded: String(text) + padding).map { Array($0) }
    }
}
