import Dispatch
import Records
package import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One look at the machine by the agent's own sensors, beside an agent that may be running.
package enum ConditionsLook {
    /// Waits for the system's resolver, on a queue of its own.
    ///
    /// `isUserService`: whether this device's agent is to run as a service of its user.
    package static func read(
        _ home: DeviceHome, _ configuration: DeviceConfiguration, isUserService: Bool,
        _ surroundings: Surroundings
    ) async -> Conditions {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    returning: look(home, configuration, isUserService, surroundings))
            }
        }
    }

    private static func look(
        _ home: DeviceHome, _ configuration: DeviceConfiguration, _ isUserService: Bool,
        _ surroundings: Surroundings
    ) -> Conditions {
        var conditions = Conditions(policies: (try? PolicyFile(home).policies()) ?? Policies())
        var sources: [any ConditionsSource] = [
            DiskSpaceSource(path: configuration.library), PowerSupplySource(), LocalTimeSource(),
        ]
        if let address = try? ServerAddress(parsing: configuration.server) {
            sources.append(
                RouteSource(host: address.host, port: address.port, now: surroundings.now))
        }
        #if os(Linux)
        if isUserService { sources.append(BackgroundSource(user: Background.user)) }
        sources.append(
            DesktopSource(
                path: SystemBus.path(environment: ProcessInfo.processInfo.environment),
                now: surroundings.now))
        #endif
        for source in sources { source.observe(&conditions, probesServer: false) }
        if let path = surroundings.conditionsPath,
            let data = FileManager.default.contents(atPath: path), let file = ConditionsFile(data)
        {
            file.override(&conditions, changedAt: surroundings.now().wall)
            // An override says what the clock's source would have heard.
            conditions.watchLimit = file.watchLimit
        }
        return conditions
    }
}
