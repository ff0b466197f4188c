import Agent
import Records
import Status
import SyncEngine
import Wire

// The way to the server, and what the server says of itself.
extension Examinations {
    static var network: [Examination] {
        [
            Examination("route", "The route and the server's name", look: lookAtRoute),
            Examination(
                "server", "Who answers at the server's address, and how fast", look: lookAtServer),
            Examination("tunnel", "VPN and proxy", look: lookAtTunnel),
            Examination("metered", "Metered networks", look: lookAtMetered),
            Examination("serverStatus", "The server's own status", look: lookAtServerStatus),
            Examination("accountStorage", "The account's storage", look: lookAtAccountStorage),
            Examination("roundTrip", "A small item sent and received back", look: lookAtRoundTrip),
        ]
    }

    private static func lookAtRoute(_ device: ExaminedDevice) -> Look {
        guard case .success(let configuration) = device.configuration else {
            return .notPossible("not signed in")
        }
        switch device.conditions.network.route {
        case .found: return Look("there is a route to \(configuration.server)")
        case .missing(let cause):
            return Look("there is none", [Finding(.offline, ["cause": cause], device)])
        }
    }

    private static func lookAtServer(_ device: ExaminedDevice) -> Look {
        guard case .success(let configuration) = device.configuration, device.client != nil else {
            return .notPossible("not signed in")
        }
        let server = configuration.server
        if device.conditions.network.isCaptive {
            return Look(
                "a page of the network's", [Finding(.captivePortal, ["server": server], device)])
        }
        if let failure = device.server.failure {
            return Look("no answer", [finding(failure, server, device)])
        }
        let times = device.server.probes.compactMap { try? $0.get() }.sorted()
        let (tries, broken) = (device.server.probes.count, device.server.probes.count - times.count)
        let median = times.isEmpty ? 0 : times[times.count / 2]
        let latency = EvidenceText.latency(milliseconds: median)
        let sight = "Martlet \(device.server.identity?.version ?? "") answers in \(latency)"
        guard median > Limits.latencyMillisecondsMax || broken > 0 else { return Look(sight) }
        return Look(
            sight,
            [
                Finding(
                    .slowAnswers,
                    ["latency": latency, "broken": "\(broken)", "tries": "\(tries)"])
            ])
    }

    private static func finding(
        _ failure: RequestFailure, _ server: String, _ device: ExaminedDevice
    ) -> Finding {
        let next = "it is reached again"
        if let fault = device.server.certificate { return finding(fault, server) }
        switch failure {
        case .unreachable(let cause) where cause.contains("something else answers"):
            return Finding(.captivePortal, ["server": server, "cause": cause], device)
        case .refused(code: "unknownReply", _):
            return Finding(.captivePortal, ["server": server], device)
        case .unreachable, .timedOut, .interrupted:
            var cause = failure.sentence.asCause
            if case .unreachable(let text) = failure { cause = text }
            if let tunnel = device.conditions.network.tunnel {
                return Finding(.vpnOrProxy, ["server": server, "tunnel": tunnel], device)
            }
            return Finding(
                .serverUnreachable, ["server": server, "cause": cause, "nextTry": next], device)
        case .versionTooOld(let message, let side):
            let words = side == .server ? "The server" : "This device"
            return Finding(.versionTooOld, ["side": words, "cause": message.asCause], device)
        default:
            return Finding(
                .serverDown, ["cause": failure.sentence.asCause, "nextTry": next], device)
        }
    }

    private static func finding(_ fault: CertificateFault, _ server: String) -> Finding {
        switch fault {
        case .ended(let time):
            Finding(
                .certificateNotValid,
                ["server": server, "validity": "ended on \(EvidenceText.time(time))"])
        case .notBegun(let time):
            Finding(
                .certificateNotValid,
                ["server": server, "validity": "begins on \(EvidenceText.time(time))"])
        case .ofOther(let names, let host):
            Finding(
                .certificateOfOther,
                [
                    "server": server, "host": host,
                    "names": names.isEmpty ? "no name" : names.joined(separator: ", "),
                ])
        case .untrusted: Finding(.certificateUntrusted, ["server": server])
        }
    }

    private static func lookAtTunnel(_ device: ExaminedDevice) -> Look {
        guard let tunnel = device.conditions.network.tunnel else { return Look("none") }
        return Look("\(tunnel) is in the way", [Finding(.tunnelInUse, ["tunnel": tunnel])])
    }

    private static func lookAtMetered(_ device: ExaminedDevice) -> Look {
        let conditions = device.conditions
        guard conditions.network.isMetered else { return Look("not metered") }
        if case .unlimited = conditions.policies.metered { return Look("metered, and allowed") }
        return Look(
            "metered", [Finding(.meteredNetwork, ["waiting": "large items wait"], device)])
    }

    private static func lookAtServerStatus(_ device: ExaminedDevice) -> Look {
        guard let status = device.server.status else { return .notPossible("it does not answer") }
        var findings: [Finding] = []
        if let maintenance = status.maintenance {
            findings.append(
                Finding(
                    .serverMaintenance, ["until": EvidenceText.time(maintenance.until)], device))
        }
        for service in status.services where service.state == .degraded || service.state == .outage
        {
            let trouble = EvidenceText.trouble(
                service.state, since: service.since,
                percentileMilliseconds: service.percentileMilliseconds)
            findings.append(
                Finding(
                    .serverDegraded, ["service": service.title, "trouble": trouble], device))
        }
        if let suspect = device.server.state?.server?.clockSuspectSince {
            findings.append(
                Finding(.serverClockSuspect, ["since": EvidenceText.time(suspect)], device))
        }
        let words = status.services.map { "\($0.title) \($0.state.rawValue)" }
        return Look(words.joined(separator: ", "), findings)
    }

    private static func lookAtAccountStorage(_ device: ExaminedDevice) -> Look {
        guard let usage = device.server.state?.account else {
            return .notPossible("the server was not asked")
        }
        let used = EvidenceText.bytes(usage.usedByteCount)
        guard let quota = usage.quotaByteCount else { return Look("\(used) are used, no limit") }
        let left = max(0, quota - usage.usedByteCount)
        let needed = (try? device.status?.get())?.bytes.toUpload ?? 0
        let evidence = [
            "used": used, "quota": EvidenceText.bytes(quota), "free": EvidenceText.bytes(left),
            "needed": EvidenceText.bytes(needed),
            "owner": QuotaWarning.owner(sharedWith: usage.sharedWith ?? []),
            "place": QuotaWarning.place(sharedWith: usage.sharedWith ?? []),
            "forecast": QuotaWarning.forecast(fullAt: usage.fullAt),
        ]
        let sight =
            "\(used) of \(EvidenceText.bytes(quota)) are used"
            + QuotaWarning.place(sharedWith: usage.sharedWith ?? [])
            + QuotaWarning.forecast(fullAt: usage.fullAt)
        if left == 0 { return Look(sight, [Finding(.accountFull, evidence, device)]) }
        var findings: [Finding] = []
        if needed > left { findings.append(Finding(.accountWillNotFit, evidence)) }
        if left < QuotaWarning.nearlyFullByteCount(of: quota) {
            findings.append(Finding(.accountNearlyFull, evidence, device))
        }
        return Look(sight, findings)
    }

    private static func lookAtRoundTrip(_ device: ExaminedDevice) async -> Look {
        guard let client = device.client, case .success? = device.server.devices else {
            return .notPossible("the server does not take this device's requests")
        }
        if device.server.identity?.maintenance != nil { return .notPossible("maintenance") }
        var bytes: [UInt8] = []
        while bytes.count < Limits.roundTripBytes {
            let word = device.surroundings.randomNumber()
            withUnsafeBytes(of: word) { bytes.append(contentsOf: $0) }
        }
        let began = device.surroundings.now().uptime
        do throws(RequestFailure) {
            try await client.roundTrip(bytes)
        } catch {
            if error == .accountFull { return .notPossible("the account is full") }
            return Look(
                "it did not come back",
                [Finding(.roundTripFailed, ["cause": error.sentence.asCause])])
        }
        let took = EvidenceText.latency(milliseconds: device.surroundings.now().uptime - began)
        return Look("\(EvidenceText.bytes(Int64(bytes.count))) were there and back in \(took)")
    }
}

extension Limits {
    static let roundTripBytes = 4 << 10
}
