import Records
import SyncEngine

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

/// Held by the process that moves a device's library: meanwhile no agent of that device runs its
/// engine.
///
/// Freed by the system with the process, however it ends.
final class MoveLock: Sendable {
    private let file: Int32

    /// Throws `agentRuns` when another process moves it.
    init(_ home: DeviceHome) throws(AgentError) {
        file = open(Self.path(home), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw AgentError(
                .homeUnusable, "The folder \(home.path) cannot be written: check its rights.")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            _ = close(file)
            throw AgentError(.agentRuns, "Another process moves this library: wait for its end.")
        }
    }

    deinit { _ = close(file) }

    /// Whether nobody moves it; leaves no trace.
    static func isFree(_ home: DeviceHome) -> Bool {
        let file = open(path(home), O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return true }
        defer { _ = close(file) }
        return flock(file, LOCK_SH | LOCK_NB) == 0
    }

    private static func path(_ home: DeviceHome) -> String { home.path + "/library-move.lock" }
}

/// A move that was begun, so that it is gone on with: written before anything is touched, and
/// removed when nothing is left to do.
struct MoveJournal: Hashable, Sendable, Codable {
    /// Absolute, with all links followed.
    let from: String
    let to: String

    private static func path(_ home: DeviceHome) -> String { home.path + "/library-move.json" }

    /// `nil`: none was begun.
    static func read(_ home: DeviceHome) -> MoveJournal? {
        guard let data = FileManager.default.contents(atPath: path(home)) else { return nil }
        return try? JSONDecoder().decode(MoveJournal.self, from: data)
    }

    func write(_ home: DeviceHome) throws(DiskError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { throw .inputOutput(errno: EINVAL) }
        try writeDurably([UInt8](data), to: Self.path(home), mode: 0o600)
    }

    static func remove(_ home: DeviceHome) { _ = unlink(path(home)) }
}
