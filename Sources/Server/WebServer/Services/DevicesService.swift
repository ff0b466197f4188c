import Accounts
import Kernel
import Operations
import Records
import Status
import Storage
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An account's devices: what they report, and what they are asked to do.
struct DevicesService: Sendable {
    let parts: ServiceParts
    let accounts: Accounts
    let monitor: ServiceMonitor

    func devices(of account: AccountID) async throws -> [DeviceDescription] {
        let devices = try await accounts.devices(of: account)
        let states = try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.deviceStates(of: account, in: transaction)
        }
        let byDevice = Dictionary(states.map { ($0.device, $0) }) { first, _ in first }
        let now = parts.now()
        return devices.filter(\.isSignedIn).map { device in
            let state = byDevice[device.id]
            let report = state.flatMap {
                try? JSONDecoder().decode(StateRequest.self, from: Data($0.state.utf8))
            }
            let heardAt = max(device.heardAt, state?.reportedAt ?? device.heardAt)
            return DeviceDescription(
                id: device.id, name: device.name, isBrowser: device.isBrowser,
                signedInAt: device.signedInAt, lastHeardAt: heardAt,
                status: report.map {
                    $0.status.heard(of: device.name, at: heardAt, now: now)
                },
                statusAt: report == nil ? nil : state?.reportedAt)
        }
    }

    /// Keeps what a device says about itself; answers what it must know at once.
    func report(
        _ state: StateRequest, by actor: Actor
    ) async throws -> StateReply {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let bytes = Array(try encoder.encode(state))
        let now = parts.now()
        let troubled = monitor.status().troubled
        let (before, answer, usage, server, denied, version) = try await parts.database.write {
            [kernel = parts.kernel] transaction in
            (
                try kernel.deviceStates(of: actor.account, in: transaction)
                    .first { $0.device == actor.device },
                try kernel.reportState(
                    bytes, device: actor.device, account: actor.account, at: now,
                    in: transaction),
                try Self.usage(of: actor.account, kernel, at: now, in: transaction),
                try kernel.serverState(in: transaction),
                try DeniedService.all(of: actor.account, in: transaction),
                try NoticesService.version(
                    of: actor.account, kernel, troubled: troubled, in: transaction)
            )
        }
        var isCloned = Self.isCloned(state, heardBefore: before)
        if isCloned == true, let before, try await hasSignedIn(actor, since: before.reportedAt) {
            isCloned = false
        }
        let troubles = troubled.map(TroubledService.init)
        return StateReply(
            zones: answer.zones.map(ZoneDescription.init), requests: answer.requests,
            blobsWanted: answer.wantedCount,
            account: usage,
            server: ServerCondition(
                version: MartletVersion.text, clockSuspectSince: server.clockSuspectSince,
                services: troubles.isEmpty ? nil : troubles),
            isCloned: isCloned, servicesOff: try await servicesOff(state.status, by: actor),
            servicesDenied: denied.isEmpty
                ? nil : Dictionary(uniqueKeysWithValues: denied.map { ($0.service, $0.since) }),
            backup: try await backup(state.status, by: actor), noticeVersion: version)
    }

    private static func usage(
        of account: AccountID, _ kernel: Kernel, at now: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> AccountUsage {
        let quota = try kernel.quota(of: account, in: transaction)
        let pool = try PoolNotice.read(of: account, kernel, in: transaction)
        return AccountUsage(
            usedByteCount: quota.usedByteCount, quotaByteCount: quota.limitByteCount,
            sharedWith: pool.sharedWith.isEmpty ? nil : pool.sharedWith,
            fullAt: try UsageHistory.forecast(of: account, kernel, at: now, in: transaction)?
                .fullAt)
    }

    /// Where what the device has in the cloud only is beside the server.
    private func backup(
        _ status: LibraryStatus, by actor: Actor
    ) async throws -> BackupDescription? {
        guard status.counts.onlyInCloud > 0 else { return nil }
        let madeAt = try await parts.database.read { try LastBackup.madeAt(in: $0) }
        let others = try await devices(of: actor.account).filter { device in
            device.id != actor.device && device.status?.hasEveryOriginal ?? false
        }
        return BackupDescription(madeAt: madeAt, originalsOn: others.map(\.name))
    }

    /// Which of the account's other devices have switched off what this one has.
    private func servicesOff(
        _ status: LibraryStatus, by actor: Actor
    ) async throws -> [String: [String]]? {
        guard status.reasons.contains(where: { $0.code == .serviceOff }) else { return nil }
        let others = try await devices(of: actor.account).filter { device in
            device.id != actor.device
                && device.status?.reasons.contains { $0.code == .serviceOff } ?? false
        }
        return ["photos": others.map(\.name)]
    }

    /// A sign-in ends whatever used the device's secret before, and may follow a lost database.
    private func hasSignedIn(_ actor: Actor, since time: Timestamp) async throws -> Bool {
        try await accounts.devices(of: actor.account)
            .contains { $0.id == actor.device && $0.signedInAt >= time }
    }

    /// Whether the run that was heard of last is none of those that the device knows of.
    private static func isCloned(_ state: StateRequest, heardBefore: DeviceState?) -> Bool? {
        guard let runs = state.runs, let before = heardBefore,
            let report = try? JSONDecoder().decode(
                StateRequest.self, from: Data(before.state.utf8)),
            let last = report.runs?.last
        else { return nil }
        return !runs.contains(last)
    }

    /// Leaves a request for one of the account's own devices.
    func ask(_ device: DeviceID, _ request: DeviceRequest, by actor: Actor) async throws {
        guard (1...Limits.deviceRequestByteCountMax).contains(request.request.utf8.count) else {
            throw APIError.invalid(
                "request",
                "A request to a device has 1 to \(Limits.deviceRequestByteCountMax) bytes.")
        }
        try await accounts.requireDevice(device, of: actor.account)
        let now = parts.now()
        try await parts.database.write { [kernel = parts.kernel] transaction in
            try kernel.addRequest(
                request.request, to: device, of: actor.account, at: now, in: transaction)
        }
    }
}

extension LibraryStatus {
    fileprivate var hasEveryOriginal: Bool {
        counts.items > 0 && counts.inSync == counts.items
            && !reasons.contains { $0.code == .notHeardFrom || $0.code == .serviceOff }
    }

    /// What it is now of a device that said this and was heard of last at `heardAt`: one that is
    /// silent does nothing, whatever it said.
    fileprivate func heard(of name: String, at heardAt: Timestamp, now: Timestamp) -> Self {
        guard heardAt.adding(seconds: Limits.silenceSeconds) <= now else { return self }
        var status = self
        status.reasons.append(
            Reason(
                .notHeardFrom, ["device": name, "time": EvidenceText.time(heardAt)],
                since: heardAt))
        status.reasons = ReasonTable.ranked(status.reasons)
        status.state = LibraryState(of: status.reasons, at: now)
        status.bytes.perSecond = 0
        status.secondsLeft = nil
        return status
    }
}
