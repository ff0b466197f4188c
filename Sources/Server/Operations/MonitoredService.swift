/// A service whose health the server measures; further ones are added here.
package enum MonitoredService: String, Hashable, Sendable, CaseIterable {
    /// Sign-in, devices and their states.
    case accounts
    /// Zones of photos with their bytes, and the timeline.
    case photos

    /// As people call it.
    package var title: String {
        switch self {
        case .accounts: "Accounts"
        case .photos: "Photos"
        }
    }
}
