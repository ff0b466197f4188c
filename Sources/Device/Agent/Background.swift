import Records
import Status

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whether this device goes on when its user logs out.
package enum Background {
    /// Set by the unit that `martlet service install` writes.
    package static let variable = "MARTLET_SERVICE"

    /// The system's user services end with the last logout, unless the user may linger.
    package static func outlivesLogout(_ user: String) -> Bool {
        access("/var/lib/systemd/linger/\(user)", F_OK) == 0
    }

    package static var user: String {
        if let entry = getpwuid(getuid()), let name = entry.pointee.pw_name {
            return String(cString: name)
        }
        return "\(getuid())"
    }

    /// `backgroundNotAllowed`, for an agent that runs as a user service; read anew each time (P6).
    static func reason(since: Timestamp) -> Reason? {
        guard let kind = getenv(variable), String(cString: kind) == "user",
            !outlivesLogout(user)
        else { return nil }
        return Reason(.backgroundNotAllowed, ["user": user], since: since)
    }
}
