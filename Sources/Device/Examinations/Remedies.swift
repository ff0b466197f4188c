import Agent
import Records
package import Status
import SyncEngine

/// What would be done about a report's findings, least risk first.
package struct RemedyStep: Sendable {
    package let rule: RemedyRule
    package let findings: [Finding]
}

/// What became of a remedy.
package enum RemedyOutcome: Hashable, Sendable {
    case done(String)
    /// The finding was not there any more at the moment of acting.
    case notNeeded
    /// It would do more harm than good, or cannot be done; why, and what to do instead.
    case refused(String)

    package var sentence: String {
        switch self {
        case .done(let text), .refused(let text): text
        case .notNeeded: "There was nothing to mend any more."
        }
    }

    package var isDone: Bool { if case .refused = self { false } else { true } }
}

/// Mends what the doctor found.
///
/// Every remedy proves its finding again at the moment it acts, moves aside instead of deleting,
/// refuses what covers an implausible share of the library, and never lowers the number of verified
/// copies (P10).
package struct Remedies: Sendable {
    let question: Question
    /// Restarts the agent as a service of its user; says what went wrong.
    ///
    /// `nil`: no service is installed.
    let restart: (@Sendable () -> String?)?

    package init(_ question: Question, restart: (@Sendable () -> String?)? = nil) {
        self.question = question
        self.restart = restart
    }

    var home: DeviceHome { question.home }
    var database: DeviceDatabase { DeviceDatabase(home) }

    /// Least risk first; but no sync begins from rows that disagree with each other, nor without
    /// the folders that it needs.
    package static func plan(_ report: DoctorReport) -> [RemedyStep] {
        let steps = RemedyTable.rules.compactMap { rule -> RemedyStep? in
            let findings = report.findings.filter { $0.remedy == rule.code }
            return findings.isEmpty ? nil : RemedyStep(rule: rule, findings: findings)
        }
        let first: Set<RemedyCode> = [.rebuildDerived, .makeFolders]
        return steps.filter { first.contains($0.rule.code) }
            + steps.filter { !first.contains($0.rule.code) }
    }

    package func apply(_ step: RemedyStep) async -> RemedyOutcome {
        do throws(AgentError) {
            switch step.rule.code {
            case .retryNow: return await retryNow()
            case .reconcile: return try await sync()
            case .sendAgain: return try await sendAgain()
            case .restartAgent: return await restartAgent()
            case .makePrivate: return makePrivate()
            case .makeFolders: return try makeFolders()
            case .rebuildDerived: return try rebuildDerived()
            case .rebuildPreviews: return try await rebuildPreviews()
            case .setAsideLeftovers: return try await setAsideLeftovers()
            case .repairDatabase: return try await repairDatabase()
            case .markAnew: return try await markAnew()
            case .fetchGoodCopy: return try await fetchGoodCopies()
            case .mendServer:
                return .refused("That is a server's: run martlet doctor --server --fix beside it.")
            case .signInAgain, .startOver, .restoreServer:
                return .refused("A person begins that: run \(step.rule.command ?? "it by hand").")
            }
        } catch {
            return .refused(error.message)
        }
    }

    /// Why a repair of so many files is not believed: a disk that is away or failing looks the same.
    ///
    /// The numbers are those by which many changes at once are held (P4).
    package static func implausible(_ count: Int, of all: Int) -> String? {
        let isLarge =
            count > Limits.changesUnaskedMax
            || (count > Limits.changesUnaskedOfLargeMin && count * 10 > all)
            || (count >= Limits.heldWhenMoreThanHalfMin && count * 2 > all)
        guard isLarge else { return nil }
        return "\(count) of \(all) files at once are more than a repair should touch: check the "
            + "disk first."
    }

    // MARK: Rungs 1 to 3

    private func retryNow() async -> RemedyOutcome {
        guard await ControlClient(home).ask(.retryNow) != nil else {
            do { return try await sync() } catch { return .refused(error.message) }
        }
        return .done("The agent tries again now.")
    }

    /// The agent compares everything; without one this process is it, once.
    func sync() async throws(AgentError) -> RemedyOutcome {
        if await ControlClient(home).ask(.compareAll) != nil {
            _ = await ControlClient(home).ask(.retryNow)
            return await waitForAgent()
        }
        let agent = try Agent(home: home, once: true, surroundings: question.surroundings)
        switch try await agent.run() {
        case .inSync?: return .done("Everything is in sync.")
        case .incomplete?, .serverUnreachable?, .signInNeeded?, nil:
            let reason = (try? await agent.status())?.reasons.first
            return .refused(
                "Not everything could be done\(reason.map { ": \($0.message)" } ?? ".")")
        }
    }

    private func waitForAgent() async -> RemedyOutcome {
        let (sleep, now) = (question.surroundings.sleep, question.surroundings.now)
        let end = now().uptime + Limits.repairSecondsMax * 1_000
        var quietCount = 0
        while now().uptime < end {
            try? await sleep(.milliseconds(Limits.progressMilliseconds))
            guard let status = await ControlClient(home).ask(.status)?.status else {
                return .refused("The agent ended: run martlet sync.")
            }
            let isBusy = [.updating, .syncing, .uploading, .downloading].contains(status.state)
            quietCount = isBusy ? 0 : quietCount + 1
            // The comparison that was asked for has begun before the second answer.
            guard quietCount >= 4 else { continue }
            if status.isAllDone { return .done("Everything is in sync.") }
            let reason = status.reasons.first
            return .refused(
                "Not everything could be done\(reason.map { ": \($0.message)" } ?? ".")")
        }
        return .done("The agent is still at work; martlet status shows how far it is.")
    }

    private func restartAgent() async -> RemedyOutcome {
        // Proven again: it may have been busy, or have ended.
        if await ControlClient(home).ask(.status) != nil { return .notNeeded }
        if AgentLock.isFree(home) { return .notNeeded }
        guard let restart else {
            return .refused(
                "The agent is no service of yours: end its process, then run martlet sync.")
        }
        if let problem = restart() { return .refused(problem) }
        let (sleep, now) = (question.surroundings.sleep, question.surroundings.now)
        let end = now().uptime + Limits.restartSecondsMax * 1_000
        while now().uptime < end {
            if await ControlClient(home).ask(.status) != nil {
                return .done("The service was restarted, and its agent answers.")
            }
            try? await sleep(.milliseconds(Limits.progressMilliseconds))
        }
        return .refused(
            "The service was restarted, and its agent does not answer: see journalctl --user.")
    }

    private func sendAgain() async throws(AgentError) -> RemedyOutcome {
        let device = await ExaminedDevice.gather(question)
        let found = await Examinations.lackedByServer(device)
        var outcome = RemedyOutcome.notNeeded
        if let found, !found.files.isEmpty, let requests = device.requests {
            var (sent, failed): (Int, String?) = (0, nil)
            for file in found.files {
                do throws(RequestFailure) {
                    try await requests.send(file)
                    sent += 1
                } catch {
                    failed = error.sentence
                }
            }
            outcome =
                failed.map { .refused("\(sent) of \(found.files.count) were sent. \($0)") }
                ?? .done("\(EvidenceText.items(sent)) were sent again.")
        } else if found == nil {
            outcome = .refused("The server cannot be asked what it lacks: try again later.")
        }
        await device.close()
        return outcome
    }
}
