import Dispatch

/// What was revoked, in lines that only become more; it outlives a restore of the database.
package protocol RevocationJournal: Sendable {
    /// All lines, in any order.
    func revoked() async throws -> [String]
    /// Durable when it returns; `lines` have no line breaks.
    func add(revoked lines: [String]) async throws
}

/// What of a server outlives its database: the key that signs its receipts, and what was revoked.
package protocol Keepsakes: RevocationJournal {
    /// 32 bytes; `nil` when none has been kept yet.
    func receiptKey() async throws -> [UInt8]?
    /// Keeps it where there is none; returns the one that is there then.
    func keep(receiptKey key: [UInt8]) async throws -> [UInt8]
}

extension Keepsakes {
    /// Takes from another place what is not here.
    package func take(from other: any Keepsakes) async throws {
        if let key = try await other.receiptKey() { _ = try await keep(receiptKey: key) }
        let known = Set(try await revoked())
        try await add(revoked: try await other.revoked().filter { !known.contains($0) })
    }
}

extension AppendFile: RevocationJournal {
    package func revoked() async throws -> [String] {
        try await offThePool { () throws(StorageError) in try lines() }
    }

    package func add(revoked lines: [String]) async throws {
        guard !lines.isEmpty else { return }
        let text = lines.joined(separator: "\n")
        try await offThePool { () throws(StorageError) in try append(text) }
    }
}

/// In the server's own folder, or a backup's: `receipt.key` and `revoked`.
package struct FileKeepsakes: Keepsakes {
    private let key: String
    private let journal: AppendFile

    /// Paths of files, which need not be there.
    package init(receiptKey: String, revoked: String) {
        key = receiptKey
        journal = AppendFile(path: revoked)
    }

    package func receiptKey() async throws -> [UInt8]? {
        try await offThePool { () throws(StorageError) in try KeyFile.read(key) }
    }

    package func keep(receiptKey new: [UInt8]) async throws -> [UInt8] {
        try await offThePool { () throws(StorageError) in
            try KeyFile.readOrCreate(key) { new }
        }
    }

    package func revoked() async throws -> [String] { try await journal.revoked() }

    package func add(revoked lines: [String]) async throws {
        try await journal.add(revoked: lines)
    }
}

/// Runs what blocks where no other task waits for it.
private func offThePool<R: Sendable>(
    _ body: @escaping @Sendable () throws(StorageError) -> R
) async throws -> R {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<R, any Error>) in
        DispatchQueue.global().async {
            do throws(StorageError) {
                continuation.resume(returning: try body())
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
