import Records
import Status
package import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// MARTLET_HOME/config.json: what the user allows, one text for each key
/// (Documentation/configuration.md).
///
/// People may write it by hand; keys that this version doesn't know stay in it.
package struct PolicyFile: Sendable {
    package let path: String

    package init(_ home: DeviceHome) { path = home.path + "/config.json" }

    /// What it says of every key; of those that it lacks, what goes without saying.
    ///
    /// Throws `invalidConfiguration`, naming the key that can't be understood.
    package func policies() throws(AgentError) -> Policies {
        var policies = Policies()
        let fields = try fields()
        for key in PolicyKey.allCases {
            guard let value = fields[key.rawValue] else { continue }
            guard let text = Self.text(of: value), key.set(text, in: &policies) else {
                throw AgentError(
                    .invalidConfiguration,
                    "\(path): \(key.rawValue) is one of: \(key.values).")
            }
        }
        return policies
    }

    /// Throws `invalidConfiguration` when the value isn't one, or the file is not JSON.
    package func set(_ key: PolicyKey, to text: String) throws(AgentError) {
        var policies = Policies()
        guard key.set(text, in: &policies) else {
            throw AgentError(
                .invalidConfiguration,
                "“\(text)” is no value of \(key.rawValue): it is one of: \(key.values).")
        }
        var fields = try fields()
        fields[key.rawValue] = .string(key.text(of: policies))
        do {
            try writeDurably(
                Array((Self.pretty(fields) + "\n").utf8), to: path, mode: 0o600)
        } catch {
            throw AgentError(
                .homeUnusable, "\(path) cannot be written: check its rights and its disk.",
                cause: error)
        }
    }

    private func fields() throws(AgentError) -> Fields {
        guard let data = FileManager.default.contents(atPath: path), !data.isEmpty else {
            return [:]
        }
        do {
            return try JSONText.decodeFields(String(decoding: data, as: UTF8.self))
        } catch {
            throw AgentError(
                .invalidConfiguration, "\(path) is not one JSON object: mend or remove it.",
                cause: error)
        }
    }

    private static func text(of value: JSONValue) -> String? {
        switch value {
        case .string(let text): text
        case .integer(let number): String(number)
        case .bool(let flag): flag ? "on" : "off"
        default: nil
        }
    }

    /// One key a line.
    private static func pretty(_ fields: Fields) -> String {
        let lines = fields.keys.sorted().compactMap { key -> String? in
            guard let value = fields[key] else { return nil }
            return "  \(JSONText.encode(.string(key))): \(JSONText.encode(value))"
        }
        return "{\n\(lines.joined(separator: ",\n"))\n}"
    }
}

/// One thing that the user can allow or forbid.
package enum PolicyKey: String, CaseIterable, Sendable {
    case metered, powerSaver, battery, largeUploads, keepAwake, uploadRate, downloadRate

    /// For people: what a value looks like.
    package var values: String {
        switch self {
        case .metered: "never, small, unlimited, or a size a day such as 500MB"
        case .powerSaver: "small, ignore"
        case .battery: "a percentage such as 20, ignore"
        case .largeUploads: "always, or hours such as 22-6"
        case .keepAwake: "never, onMains, always"
        case .uploadRate, .downloadRate: "unlimited, or a size a second such as 2MB"
        }
    }

    package var meaning: String {
        switch self {
        case .metered: "What may move over a metered network."
        case .powerSaver: "What the power saver holds back: all but small items, or nothing."
        case .battery: "Below it, on battery, only small items move."
        case .largeUploads: "When items over 50 MiB are sent."
        case .keepAwake: "Whether large uploads keep the machine awake."
        case .uploadRate: "The most that is sent."
        case .downloadRate: "The most that is fetched."
        }
    }

    package func text(of policies: Policies) -> String {
        switch self {
        case .metered:
            switch policies.metered {
            case .never: "never"
            case .small: "small"
            case .unlimited: "unlimited"
            case .daily(let count): Self.size(count)
            }
        case .powerSaver: policies.respectsPowerSaver ? "small" : "ignore"
        case .battery:
            policies.batteryPercentMin == 0 ? "ignore" : String(policies.batteryPercentMin)
        case .largeUploads: policies.largeUploadHours.map { "\($0.from)-\($0.until)" } ?? "always"
        case .keepAwake: policies.keepAwake.rawValue
        case .uploadRate: policies.uploadBytesPerSecond.map(Self.size) ?? "unlimited"
        case .downloadRate: policies.downloadBytesPerSecond.map(Self.size) ?? "unlimited"
        }
    }

    /// `false`: the text is no value of it.
    package func set(_ text: String, in policies: inout Policies) -> Bool {
        switch self {
        case .metered:
            switch text {
            case "never": policies.metered = .never
            case "small": policies.metered = .small
            case "unlimited": policies.metered = .unlimited
            default:
                guard let count = ByteSize.parse(text) else { return false }
                policies.metered = .daily(byteCount: count)
            }
        case .powerSaver:
            guard ["small", "ignore"].contains(text) else { return false }
            policies.respectsPowerSaver = text == "small"
        case .battery:
            let digits = text.hasSuffix("%") ? String(text.dropLast()) : text
            guard let percent = text == "ignore" ? 0 : Int(digits), (0...100).contains(percent)
            else { return false }
            policies.batteryPercentMin = percent
        case .largeUploads:
            let parts = text.split(separator: "-").compactMap { Int($0) }
            let hours = parts.count == 2 ? Policies.Hours(from: parts[0], until: parts[1]) : nil
            guard text == "always" || hours != nil else { return false }
            policies.largeUploadHours = hours
        case .keepAwake:
            guard let value = Policies.KeepAwake(rawValue: text) else { return false }
            policies.keepAwake = value
        case .uploadRate: return Self.setRate(text, &policies.uploadBytesPerSecond)
        case .downloadRate: return Self.setRate(text, &policies.downloadBytesPerSecond)
        }
        return true
    }

    private static func setRate(_ text: String, _ rate: inout Int64?) -> Bool {
        let count = ByteSize.parse(text)
        guard text == "unlimited" || count ?? 0 >= Limits.rateByteCountMin else { return false }
        rate = count
        return true
    }

    /// Exactly, in the largest unit that does.
    private static func size(_ count: Int64) -> String {
        let units: [(Int64, String)] = [
            (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB"),
        ]
        for (size, unit) in units where count % size == 0 { return "\(count / size)\(unit)" }
        return String(count)
    }
}
