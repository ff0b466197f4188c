import Agent
import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a device's commands begin with.
enum DeviceContext {
    static var environment: [String: String] { ProcessInfo.processInfo.environment }

    static var home: DeviceHome { DeviceHome(environment: environment) }

    /// The home of a device that is signed in.
    static func signedIn() throws -> DeviceHome {
        let home = home
        _ = try home.configuration()
        // Without its secret it was signed out, and what is left of that is logout's to finish.
        _ = try home.token()
        return home
    }

    /// Where `serve` keeps everything unless it is told.
    static var defaultDataFolder: String {
        if let folder = environment["XDG_DATA_HOME"], folder.hasPrefix("/") {
            return folder + "/martlet"
        }
        return (environment["HOME"] ?? "") + "/.local/share/martlet"
    }

    /// Tells a running agent that roots or settings were changed beside it.
    static func tellAgent(_ home: DeviceHome) async {
        _ = await ControlClient(home).ask(.rootsChanged)
    }

    /// The same, when this alone was changed; `false` when no agent runs.
    static func tell(_ home: DeviceHome, _ ask: ControlRequest.Ask) async -> Bool {
        await ControlClient(home).ask(ask) != nil
    }

    static func client(_ home: DeviceHome) throws -> ServerClient {
        ServerClient(
            address: try ServerAddress(parsing: try home.configuration().server),
            token: try home.token(), trusting: home.trustedFiles())
    }
}
