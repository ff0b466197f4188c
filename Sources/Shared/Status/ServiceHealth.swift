/// How a service of the server is, as its status page and its devices say it.
package enum ServiceHealth: String, Hashable, Sendable, Codable, CaseIterable {
    case available
    /// Slower than it uses to be.
    case degraded
    /// It fails.
    case outage
    /// Its owner works on the server: nothing is taken in.
    case maintenance
}
