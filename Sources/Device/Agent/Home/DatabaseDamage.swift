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

/// What is known about damage of a device's database.
///
/// Once damage was seen, a note lies beside the database and nothing opens it any more, so that
/// nothing is written to it before it is repaired: a half-readable database would take what it
/// lacks for what the user deleted.
enum DatabaseDamage {
    private static func note(_ path: String) -> String { path + ".damaged" }

    /// Throws `damaged` when damage was noted.
    static func refuse(_ path: String) throws(RowsError) {
        guard let cause = cause(path) else { return }
        throw RowsError(.damaged, "This device's database is damaged (\(cause)).", cause: cause)
    }

    static func isNoted(_ path: String) -> Bool { access(note(path), F_OK) == 0 }

    static func cause(_ path: String) -> String? {
        guard isNoted(path) else { return nil }
        let data = FileManager.default.contents(atPath: note(path)) ?? Data()
        let text = String(decoding: data, as: UTF8.self).split(separator: "\n").first
        return text.map(String.init) ?? "it could not be read"
    }

    /// The first finding stays.
    ///
    /// On a disk that takes no note the damage is found again by the next who looks.
    static func note(_ cause: String, of path: String) {
        guard !isNoted(path) else { return }
        try? writeDurably(Array((cause + "\n").utf8), to: note(path), mode: 0o600)
    }

    /// Puts the damaged database aside, where it is kept, and makes room for a new one.
    ///
    /// The note goes last: until then nothing new is begun.
    static func putAside(_ path: String, now: Int64) throws(DiskError) {
        for suffix in ["", "-wal", "-shm"] {
            guard access(path + suffix, F_OK) == 0 else { continue }
            guard rename(path + suffix, "\(path)-damaged-\(now)\(suffix)") == 0 else {
                throw DiskError(errno: errno)
            }
        }
    }

    static func forget(_ path: String) { _ = unlink(note(path)) }
}
