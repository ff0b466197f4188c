package import SyncEngine

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
    package static func outlivesLogout(_ user: String, lingering: String = lingering) -> Bool {
        access("\(lingering)/\(user)", F_OK) == 0
    }

    package static let lingering = "/var/lib/systemd/linger"

    package static var user: String {
        if let entry = getpwuid(getuid()), let name = entry.pointee.pw_name {
            return String(cString: name)
        }
        return "\(getuid())"
    }

    /// Whether this agent runs as a service of its user.
    static var isUserService: Bool { getenv(variable).map { String(cString: $0) } == "user" }
}

/// Whether an agent that is a user service may go on after logout; read anew each time (P6).
package struct BackgroundSource: ConditionsSource {
    private let user: String
    private let lingering: String

    /// `lingering`: the folder in which the system keeps a file for each user who may.
    package init(user: String, lingering: String = Background.lingering) {
        self.user = user
        self.lingering = lingering
    }

    package func observe(_ conditions: inout Conditions, probesServer: Bool) {
        conditions.endsAtLogoutOf =
            Background.outlivesLogout(user, lingering: lingering) ? nil : user
    }
}
