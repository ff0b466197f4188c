package import Records
package import SyncEngine

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// What MARTLET_CONDITIONS names: a JSON file that says what the machine would, for tests and for
/// machines without such sensors (Documentation/command-line.md).
///
/// A key that is absent leaves what the machine says.
package struct ConditionsFile: Hashable, Sendable, Decodable {
    package struct Power: Hashable, Sendable, Decodable {
        enum Source: String, Sendable, Decodable { case mains, battery }

        var source: Source?
        /// From 0 to 1.
        var level: Double?
        var lowPowerMode: Bool?
    }

    package struct Network: Hashable, Sendable, Decodable {
        var reachable: Bool?
        var metered: Bool?
        var captivePortal: Bool?
        var vpn: Bool?
    }

    package struct Disk: Hashable, Sendable, Decodable {
        var freeBytes: Int64?
    }

    private var power: Power?
    private var network: Network?
    private var disk: Disk?
    private var clockOffsetSeconds: Int64?
    /// The machine has just slept for so long.
    private var sleptSeconds: Int64?
    /// The system's limit of watched folders.
    private(set) var watchLimit: Int?

    /// `nil` when it is not JSON of this form: it is then as if it were empty.
    package init?(_ data: Data) {
        guard let file = try? JSONDecoder().decode(Self.self, from: data) else { return nil }
        self = file
    }

    /// Puts what it says in the place of what the machine says at `moment`.
    package func override(_ conditions: inout Conditions, changedAt moment: Timestamp) {
        if let power { override(&conditions.power, power) }
        if let network { override(&conditions.network, network) }
        if let free = disk?.freeBytes { conditions.freeByteCount = free }
        if let clockOffsetSeconds { conditions.clockOffsetSeconds = clockOffsetSeconds }
        if let sleptSeconds, sleptSeconds > 0 {
            conditions.sleep = Conditions.Sleep(
                from: moment.adding(seconds: -sleptSeconds), until: moment)
        }
    }

    private func override(_ power: inout Conditions.Power, _ said: Power) {
        if let isSaving = said.lowPowerMode { power.isSaving = isSaving }
        let percent = said.level.map { Int((min(max($0, 0), 1) * 100).rounded(.down)) }
        switch said.source {
        case .mains: power.source = .mains
        case .battery:
            var known = 100
            if case .battery(let measured) = power.source { known = measured }
            power.source = .battery(percent: percent ?? known)
        case nil:
            if let percent, case .battery = power.source {
                power.source = .battery(percent: percent)
            }
        }
    }

    private func override(_ network: inout Conditions.Network, _ said: Network) {
        switch said.reachable {
        case true?: network.route = .found
        case false?: network.route = .missing(cause: "there is no route")
        case nil: break
        }
        if let isMetered = said.metered { network.isMetered = isMetered }
        if let isCaptive = said.captivePortal { network.isCaptive = isCaptive }
        switch said.vpn {
        case true?: network.tunnel = network.tunnel ?? "a VPN"
        case false?: network.tunnel = nil
        case nil: break
        }
    }
}
