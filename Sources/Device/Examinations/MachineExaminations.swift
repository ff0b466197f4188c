import Agent
import Records
import Status
import SyncEngine
import Wire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// The agent and the machine that it runs on.
extension Examinations {
    static var machine: [Examination] {
        [
            Examination("agent", "The agent", look: lookAtAgent),
            Examination("storage", "Space on this device", look: lookAtStorage),
            Examination("power", "Power", look: lookAtPower),
            Examination("clock", "The clock", look: lookAtClock),
            Examination("background", "Going on after logout", look: lookAtBackground),
            Examination("watches", "Watched folders", look: lookAtWatches),
        ]
    }

    private static func lookAtAgent(_ device: ExaminedDevice) -> Look {
        switch device.agent {
        case .answers: return Look("it runs and answers")
        case .silent(let holder):
            return Look("it does not answer", [Finding(.agentSilent, ["holder": holder])])
        case .none:
            let reasons = (try? device.status?.get())?.reasons ?? []
            let waiting = reasons.first { $0.code == .agentNotRunning }
            return Look("none runs", waiting.map { [Finding($0)] } ?? [])
        }
    }

    private static func lookAtStorage(_ device: ExaminedDevice) -> Look {
        guard case .success(let configuration) = device.configuration else {
            return .notPossible("not signed in")
        }
        var findings: [Finding] = []
        if let cause = device.home.cannotBeWritten {
            findings.append(
                Finding(.homeNotWritable, ["path": device.home.path, "cause": cause]))
        }
        var homeSpace = statvfs()
        if statvfs(device.home.path, &homeSpace) == 0 {
            let free = Int64(clamping: UInt64(homeSpace.f_bavail) * UInt64(homeSpace.f_frsize))
            if free < Limits.homeFreeByteCountMin {
                findings.append(
                    Finding(
                        .homeNearlyFull,
                        ["free": EvidenceText.bytes(free), "path": device.home.path]))
            }
        }
        guard let free = device.conditions.freeByteCount else {
            return Look("\(configuration.library) cannot be asked", findings)
        }
        let bytes = EvidenceText.bytes(free)
        let needed = (try? device.status?.get())?.bytes.toDownload ?? 0
        if free < Limits.deviceReserveByteCount {
            findings.append(
                Finding(.deviceFull, ["path": configuration.library, "free": bytes], device))
        } else if needed > free - Limits.deviceReserveByteCount {
            findings.append(
                Finding(
                    .deviceWillNotFit,
                    [
                        "needed": EvidenceText.bytes(needed), "free": bytes,
                        "reserve": EvidenceText.bytes(Limits.deviceReserveByteCount),
                    ]))
        }
        let planned = needed > 0 ? "; \(EvidenceText.bytes(needed)) are to come" : ""
        return Look("\(bytes) are free at \(configuration.library)\(planned)", findings)
    }

    private static func lookAtPower(_ device: ExaminedDevice) -> Look {
        let power = device.conditions.power
        var findings: [Finding] = []
        let waiting = "large items wait"
        if power.isSaving { findings.append(Finding(.lowPowerMode, ["waiting": waiting], device)) }
        guard case .battery(let percent) = power.source else {
            return Look("mains", findings)
        }
        let enough = device.conditions.policies.batteryPercentMin
        if percent < enough {
            findings.append(
                Finding(
                    .lowBattery,
                    ["level": "\(percent) %", "waiting": waiting, "enough": "\(enough) %"], device))
        }
        return Look("battery at \(percent) %", findings)
    }

    private static func lookAtClock(_ device: ExaminedDevice) -> Look {
        var offset = device.conditions.clockOffsetSeconds
        if offset == 0, let time = device.server.identity?.time {
            offset = (device.surroundings.now().wall.milliseconds - time.milliseconds) / 1_000
        }
        let text = EvidenceText.duration(seconds: Int64(clamping: offset.magnitude))
        let words = "\(text) \(offset > 0 ? "ahead of" : "behind")"
        let zone = device.conditions.localOffsetSeconds / 60
        let sight = "\(words) the server's; local time is \(zone) min from UTC"
        guard offset.magnitude > UInt64(Limits.clockOffsetSecondsMax) else { return Look(sight) }
        return Look(sight, [Finding(.clockWrong, ["offset": words], device)])
    }

    private static func lookAtBackground(_ device: ExaminedDevice) -> Look {
        guard device.question.isUserService else { return Look("no service is installed") }
        guard let user = device.conditions.endsAtLogoutOf else { return Look("allowed") }
        return Look(
            "not allowed", [Finding(.backgroundNotAllowed, ["user": user], device)])
    }

    private static func lookAtWatches(_ device: ExaminedDevice) -> Look {
        guard let limit = device.conditions.watchLimit else { return Look("no limit is reached") }
        let more = max(Limits.watchesWanted, limit * 2)
        return Look(
            "the limit is reached",
            [Finding(.watchLimit, ["limit": "\(limit)", "more": "\(more)"], device)])
    }
}
