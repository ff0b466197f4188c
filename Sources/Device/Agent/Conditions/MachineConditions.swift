import Records
import SyncEngine
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// This machine's sensors, put together for one life of the agent.
final class MachineConditions: Sendable {
    let reader: ConditionsReader
    private let overridePath: String?
    private let clockSource: ClockSource
    private let probe: ServerClient
    #if os(Linux)
    private let routes = Mutex<RouteWatcher?>(nil)
    #endif

    init(_ parts: AgentLife.Parts) {
        let surroundings = parts.surroundings
        overridePath = surroundings.conditionsPath
        let address = parts.client.address
        probe = ServerClient(address: address, trusting: parts.home.trustedFiles())
        let clock = ClockSource(now: surroundings.now)
        parts.client.tellDates { clock.heard(date: $0) }
        var sources: [any ConditionsSource] = [
            DiskSpaceSource(path: parts.library), PowerSupplySource(), LocalTimeSource(), clock,
            RouteSource(host: address.host, port: address.port, now: surroundings.now),
            ProbeSource(client: probe, sleep: surroundings.sleep),
        ]
        #if os(Linux)
        if Background.isUserService { sources.append(BackgroundSource(user: Background.user)) }
        sources.append(SleepSource(now: surroundings.now))
        sources.append(
            DesktopSource(
                path: SystemBus.path(environment: ProcessInfo.processInfo.environment),
                now: surroundings.now))
        #endif
        reader = ConditionsReader(
            sources: sources, policies: parts.policies, overridePath: surroundings.conditionsPath,
            now: surroundings.now)
        clockSource = clock
    }

    /// Tells of changes by themselves, from now on until `stop`.
    func tell(_ post: @escaping @Sendable (Event) -> Void) {
        let changed: @Sendable (Conditions) -> Void = { post(.conditions($0)) }
        reader.tell(changed)
        let look: @Sendable () -> Void = { [weak self] in
            self?.reader.read(probesServer: false, answer: changed)
        }
        clockSource.tell(look)
        #if os(Linux)
        routes.withLock { $0 = RouteWatcher(changed: look) }
        #endif
    }

    /// A watcher that minds the limit that MARTLET_CONDITIONS may name.
    func beginWatching(
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        post: @escaping @Sendable (Event) -> Void
    ) -> any FolderWatcher {
        let path = overridePath
        let watcher = Watching.begin(
            sleep: sleep,
            limit: {
                path.flatMap { FileManager.default.contents(atPath: $0) }
                    .flatMap { ConditionsFile($0) }?.watchLimit
            },
            limitIsReached: { [weak self] in
                self?.reader.read(probesServer: false) { post(.conditions($0)) }
            }, post: post)
        reader.watch(watcher)
        return watcher
    }

    func stop() async {
        reader.stop()
        #if os(Linux)
        routes.withLock { routes in
            routes?.stop()
            routes = nil
        }
        #endif
        await probe.shutdown()
    }
}
