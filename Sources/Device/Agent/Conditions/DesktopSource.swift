#if os(Linux)
import Records
import SyncEngine
import Synchronization

/// What the desktop's services know: NetworkManager of metered networks and captive portals, the
/// power-profiles daemon of the power saver.
///
/// Where they don't run nothing is said; the bus is looked for anew every half minute.
final class DesktopSource: ConditionsSource {
    private struct State {
        var bus: SystemBus?
        var triedAt: Int64?
    }

    private let path: String
    private let now: @Sendable () -> Moment
    private let state = Mutex(State())

    init(path: String, now: @escaping @Sendable () -> Moment) {
        self.path = path
        self.now = now
    }

    func observe(_ conditions: inout Conditions, probesServer: Bool) {
        var said = conditions
        state.withLock { state in
            let uptime = now().uptime
            if state.bus == nil,
                state.triedAt.map({ $0 + Limits.conditionsIdleMilliseconds <= uptime }) ?? true
            {
                state.triedAt = uptime
                state.bus = SystemBus(path: path)
            }
            guard let bus = state.bus else { return }
            do throws(SystemBusGone) {
                try Self.ask(bus, &said)
            } catch {
                state.bus = nil
            }
        }
        conditions = said
    }

    private static func ask(
        _ bus: SystemBus, _ conditions: inout Conditions
    ) throws(SystemBusGone) {
        let manager = "org.freedesktop.NetworkManager"
        let place = "/org/freedesktop/NetworkManager"
        // 1 yes, 3 guessed yes.
        if case .number(let metered) = try bus.property(
            "Metered", of: manager, at: place, in: manager)
        {
            conditions.network.isMetered = metered == 1 || metered == 3
        }
        // 2 portal.
        if try bus.property("Connectivity", of: manager, at: place, in: manager) == .number(2) {
            conditions.network.isCaptive = true
        }
        for (name, path) in [
            ("org.freedesktop.UPower.PowerProfiles", "/org/freedesktop/UPower/PowerProfiles"),
            ("net.hadess.PowerProfiles", "/net/hadess/PowerProfiles"),
        ] {
            let profile = try bus.property("ActiveProfile", of: name, at: path, in: name)
            guard case .text(let text) = profile else { continue }
            conditions.power.isSaving = text == "power-saver"
            break
        }
    }
}
#endif
