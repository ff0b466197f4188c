import Kernel
import Records
import Storage
import Wire

/// Zones, their feeds and their commits.
struct ZonesService: Sendable {
    let parts: ServiceParts
    let events: EventHub
    /// Wakes who works on what devices commit.
    var committed: @Sendable () -> Void = {}

    func zones(of account: AccountID) async throws -> [ZoneDescription] {
        try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.zones(of: account, in: transaction).map(ZoneDescription.init)
        }
    }

    /// Makes a zone; the same id again is the same zone.
    func create(_ id: ZoneID, kind: String, by actor: Actor) async throws -> ZoneDescription {
        let now = parts.now()
        let zone = try await parts.database.write { [kernel = parts.kernel] transaction in
            try kernel.createZone(
                id, kind: kind, owner: actor.account, at: now, in: transaction)
        }
        events.publish(zone)
        return ZoneDescription(zone)
    }

    /// A page of the feed as JSON: `ChangePage`.
    func changes(
        in zone: ZoneID, after token: ChangeToken?, limit: Int, by actor: Actor
    ) async throws -> [UInt8] {
        try await parts.kernel.encodedChanges(
            in: zone, for: actor.account, after: token, limit: limit, at: parts.now(),
            database: parts.database)
    }

    func commit(
        _ request: CommitRequest, to zone: ZoneID, by actor: Actor, protocolNumber: Int
    ) async throws -> CommitReply {
        let receipt = try await parts.kernel.commit(
            request.groups, to: zone, by: actor, after: request.after,
            protocolNumber: protocolNumber, at: parts.now(), database: parts.database)
        parts.metrics.committed(groupCount: request.groups.count)
        if receipt.changed {
            events.publish(
                ServerEvent(
                    zone: zone, epoch: receipt.token.epoch, head: receipt.token.sequence,
                    token: receipt.token),
                to: [actor.account])
            committed()
        }
        return CommitReply(results: receipt.results, token: receipt.token)
    }
}

extension ZoneDescription {
    init(_ zone: Zone) {
        self.init(
            id: zone.id, kind: zone.kind, owner: zone.owner,
            idKey: Hexadecimal.encode(zone.idKey), epoch: zone.epoch, head: zone.head,
            token: zone.token)
    }
}

extension ServerEvent {
    init(_ zone: Zone) {
        self.init(zone: zone.id, epoch: zone.epoch, head: zone.head, token: zone.token)
    }
}
