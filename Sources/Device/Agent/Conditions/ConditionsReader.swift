import Dispatch
import Records
package import SyncEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Asks the machine how it is, on a queue of its own: a reading may wait for a name to be resolved.
///
/// Each part of the answer comes from a source of its own; what has no source on this machine is
/// taken to be no hindrance.
final class ConditionsReader: Sendable {
    private let sources: [any ConditionsSource]
    private let overridePath: String?
    private let policies: PolicySource
    private let now: @Sendable () -> Moment
    private let queue = DispatchQueue(label: "martlet.conditions")
    private let watcher = Mutex<(any FolderWatcher)?>(nil)
    private let isStopped = Mutex(false)
    private let told = Mutex<Conditions?>(nil)
    private let readAt = Mutex<Int64>(0)

    /// What the file of MARTLET_CONDITIONS was when it was looked at last.
    private struct Seen: Equatable {
        var stamp: FileStamp?
        var wall: Timestamp
    }
    private let seen: Mutex<Seen>

    init(
        sources: [any ConditionsSource], policies: PolicySource, overridePath: String?,
        now: @escaping @Sendable () -> Moment
    ) {
        self.sources = sources
        self.policies = policies
        self.overridePath = overridePath
        self.now = now
        seen = Mutex(Seen(stamp: nil, wall: now().wall))
    }

    func read(
        probesServer: Bool, answer: @escaping @Sendable (Conditions) -> Void
    ) {
        queue.async { [self] in answer(read(probesServer: probesServer)) }
    }

    /// Tells of what changes by itself, until `stop`.
    func tell(_ changed: @escaping @Sendable (Conditions) -> Void) {
        guard !isStopped.withLock({ $0 }) else { return }
        let milliseconds =
            overridePath == nil
            ? Limits.conditionsIdleMilliseconds : Limits.conditionsFileMilliseconds
        let spacing = DispatchTimeInterval.milliseconds(Int(milliseconds))
        queue.asyncAfter(deadline: .now() + spacing) { [weak self] in
            guard let self else { return }
            if isTimeToLook {
                let before = told.withLock { $0 }
                let conditions = read(probesServer: false)
                if conditions != before { changed(conditions) }
            }
            tell(changed)
        }
    }

    private var isTimeToLook: Bool {
        let idle = Limits.conditionsIdleMilliseconds
        return hasNewOverride() || readAt.withLock { $0 + idle <= now().uptime }
    }

    /// Whose limit is told from now on.
    func watch(_ watcher: any FolderWatcher) { self.watcher.withLock { $0 = watcher } }

    func stop() { isStopped.withLock { $0 = true } }

    private func read(probesServer: Bool) -> Conditions {
        var conditions = Conditions(policies: policies.read())
        conditions.watchLimit = watcher.withLock { $0 }?.limitReached
        for source in sources { source.observe(&conditions, probesServer: probesServer) }
        if let overridePath {
            noteOverride()
            if let data = FileManager.default.contents(atPath: overridePath),
                let file = ConditionsFile(data)
            {
                file.override(&conditions, changedAt: seen.withLock { $0.wall })
            }
        }
        readAt.withLock { $0 = now().uptime }
        told.withLock { $0 = conditions }
        return conditions
    }

    private func hasNewOverride() -> Bool { overrideStamp != seen.withLock { $0.stamp } }

    private func noteOverride() {
        let stamp = overrideStamp
        seen.withLock { seen in
            if stamp != seen.stamp { seen = Seen(stamp: stamp, wall: now().wall) }
        }
    }

    private var overrideStamp: FileStamp? {
        guard let overridePath else { return nil }
        var information = stat()
        return stat(overridePath, &information) == 0 ? FileStamp(information) : nil
    }
}

/// One sensor of the machine.
///
/// Called on one queue only; a call may wait for a few seconds.
package protocol ConditionsSource: Sendable {
    func observe(_ conditions: inout Conditions, probesServer: Bool)
}

/// The user's policies as they were when they could last be read, given to whoever keeps them.
final class PolicySource: Sendable {
    private let file: PolicyFile
    private let last: Mutex<Policies>
    private let apply: @Sendable (Policies) -> Void

    /// Throws `invalidConfiguration`: an agent that starts says so; one that runs goes on with what
    /// it knew.
    init(_ file: PolicyFile, apply: @escaping @Sendable (Policies) -> Void) throws(AgentError) {
        self.file = file
        self.apply = apply
        let policies = try file.policies()
        last = Mutex(policies)
        apply(policies)
    }

    func read() -> Policies {
        guard let policies = try? file.policies() else { return last.withLock { $0 } }
        let isNew = last.withLock { last in
            defer { last = policies }
            return last != policies
        }
        if isNew { apply(policies) }
        return policies
    }
}
