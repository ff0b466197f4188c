import Records
package import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Power as Linux says it: batteries and mains in `/sys/class/power_supply`, the firmware's power
/// saver in `/sys/firmware/acpi/platform_profile`.
///
/// A machine without a battery has nothing there and runs on mains.
package struct PowerSupplySource: ConditionsSource {
    private let sys: String

    /// `sys`: where sysfs is mounted.
    package init(sys: String = "/sys") { self.sys = sys }

    package func observe(_ conditions: inout Conditions, probesServer: Bool) {
        let folder = sys + "/class/power_supply"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var (hasMains, discharges) = (false, false)
        var levels: [Int] = []
        for name in names.sorted() {
            let supply = folder + "/" + name
            // The battery of a mouse or of headphones.
            if text(supply + "/scope") == "Device" { continue }
            if text(supply + "/type") == "Battery" {
                if let level = text(supply + "/capacity").flatMap({ Int($0) }) {
                    levels.append(min(max(level, 0), 100))
                }
                if text(supply + "/status") == "Discharging" { discharges = true }
            } else if text(supply + "/online") == "1" {
                hasMains = true
            }
        }
        if discharges, !hasMains, !levels.isEmpty {
            conditions.power.source = .battery(percent: levels.reduce(0, +) / levels.count)
        }
        if text(sys + "/firmware/acpi/platform_profile") == "low-power" {
            conditions.power.isSaving = true
        }
    }

    private func text(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let text = String(decoding: data.prefix(64), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).first.map(String.init)
    }
}
