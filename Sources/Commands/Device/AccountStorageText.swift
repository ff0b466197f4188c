import Records
import Status
import Wire

/// The account's part of `martlet storage`.
enum AccountStorageText {
    static func lines(_ account: StorageReply) -> [String] {
        var lines = [use(of: account)]
        if account.members.count > 1 {
            let members = account.members.map {
                "\($0.name) \(EvidenceText.bytes($0.usedByteCount))"
            }
            lines.append(
                "  shared: \(members.joined(separator: ", ")); what several have counts once")
        }
        if let forecast = account.forecast { lines.append("  " + rate(forecast)) }
        if let free = account.diskFreeByteCount {
            let filling = account.diskForecast.map { "; \(rate($0))" } ?? ""
            lines.append("Server's disk: \(EvidenceText.bytes(free)) free\(filling)")
        }
        let others = account.plans.filter { $0.name != account.plan }
        if !others.isEmpty {
            let plans = others.map { "\($0.name) \(PlanCommand.size($0.byteCount))" }
            lines.append("Plans to ask for: \(plans.joined(separator: ", "))")
        }
        if let request = account.request { lines.append(answer(to: request)) }
        return lines
    }

    private static func use(of account: StorageReply) -> String {
        let used = EvidenceText.bytes(account.usedByteCount)
        let plan = account.plan.map { " (plan \($0))" } ?? ""
        guard let quota = account.quotaByteCount else {
            return "Account\(plan): \(used) used, no limit"
        }
        let left = EvidenceText.bytes(max(0, quota - account.usedByteCount))
        let warning =
            switch account.warning {
            case .full: ": full"
            case .nearlyFull: ": nearly full"
            case nil: ""
            }
        return "Account\(plan): \(used) of \(EvidenceText.bytes(quota)) used, \(left) left"
            + warning
    }

    private static func rate(_ forecast: StorageReply.Forecast) -> String {
        "full about \(EvidenceText.day(forecast.fullAt)) if it goes on at "
            + "\(EvidenceText.bytes(forecast.byteCountPerDay)) a day, as in \(forecast.days) days "
            + "that were measured"
    }

    private static func answer(to request: StorageReply.Request) -> String {
        let words = request.message.map { ": \($0)" } ?? ""
        let answered = request.answeredAt.map { " on \(EvidenceText.day($0))" } ?? ""
        return switch request.state {
        case .waiting:
            "Asked for \(request.plan) on \(EvidenceText.day(request.askedAt)): not answered yet"
        case .granted: "The plan \(request.plan) was granted\(answered)\(words)"
        case .declined: "The plan \(request.plan) was declined\(answered)\(words)"
        }
    }
}

/// Every key is always there; what isn't known is null.
struct AccountStorageJSON: Encodable {
    let account: StorageReply

    init(_ account: StorageReply) { self.account = account }

    private struct Forecast: Encodable {
        let fullAt: Timestamp
        let bytesPerDay: Int64
        let days: Int

        init(_ forecast: StorageReply.Forecast) {
            fullAt = forecast.fullAt
            bytesPerDay = forecast.byteCountPerDay
            days = forecast.days
        }
    }

    private struct Share: Encodable {
        let name: String
        let bytes: Int64?
    }

    private enum CodingKeys: String, CodingKey {
        case usedBytes, quotaBytes, stagedBytes, warning, members, plan, plans, request, forecast
        case measuredDays, diskFreeBytes, diskForecast
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(account.usedByteCount, forKey: .usedBytes)
        try container.encode(account.quotaByteCount, forKey: .quotaBytes)
        try container.encode(account.stagedByteCount, forKey: .stagedBytes)
        try container.encode(account.warning, forKey: .warning)
        try container.encode(
            account.members.map { Share(name: $0.name, bytes: $0.usedByteCount) }, forKey: .members)
        try container.encode(account.plan, forKey: .plan)
        try container.encode(
            account.plans.map { Share(name: $0.name, bytes: $0.byteCount) }, forKey: .plans)
        try container.encode(account.request, forKey: .request)
        try container.encode(account.forecast.map(Forecast.init), forKey: .forecast)
        try container.encode(account.measuredDays, forKey: .measuredDays)
        try container.encode(account.diskFreeByteCount, forKey: .diskFreeBytes)
        try container.encode(account.diskForecast.map(Forecast.init), forKey: .diskForecast)
    }
}
