import Kernel
import Library
import Records
import Storage

/// Thumbnails and previews whose bytes the server has lost: no device is to send what can be made
/// anew, so their records let go of them, and the queue finds that they are lacking.
struct LostRenderings: Sendable {
    let database: any Database
    let kernel: Kernel
    let randomNumber: @Sendable () -> UInt64

    private struct Role {
        let zone: ZoneID
        let owner: AccountID
        let id: RecordID
        let name: String
    }

    /// Returns the zones that were changed.
    func drop(at time: Timestamp) async throws -> [Zone] {
        // Nearly always there is none: that costs no write.
        guard try await !database.read({ try Self.roles(in: $0).isEmpty }) else { return [] }
        return try await database.write { transaction in
            let roles = try Self.roles(in: transaction)
            return try Set(roles.map(\.zone)).sorted().compactMap { zone in
                try drop(roles.filter { $0.zone == zone }, of: zone, at: time, transaction)
            }
        }
    }

    private static func roles(in transaction: any Transaction) throws -> [Role] {
        try transaction.rows(
            """
            SELECT zone.id, zone.owner, blobReference.id, blobReference.role
            FROM holding JOIN zone ON zone.owner = holding.account
                JOIN blobReference ON blobReference.zone = zone.id
                    AND blobReference.digest = holding.digest
            WHERE holding.state = 3 AND blobReference.type = ? AND blobReference.revision = 0
            ORDER BY zone.id, blobReference.id, blobReference.role LIMIT ?
            """,
            [.text(RecordType.rendering.rawValue), SQLValue(Limits.lostRenderingsAtOnceMax)]
        ).map { row in
            Role(
                zone: row.identifier(0), owner: row.identifier(1), id: row.identifier(2),
                name: row.text(3))
        }
    }

    private func drop(
        _ roles: [Role], of id: ZoneID, at time: Timestamp, _ transaction: any Transaction
    ) throws -> Zone? {
        guard let owner = roles.first?.owner else { return nil }
        let epoch = try kernel.zone(id, for: owner, in: transaction).epoch
        var groups: [ChangeGroup] = []
        for record in Set(roles.map(\.id)).sorted() {
            let key = RecordKey(type: .rendering, id: record)
            guard let current = try kernel.record(key, in: id, in: transaction) else { continue }
            var change = RecordChange(
                key: key, base: Base(epoch: epoch, sequence: current.envelope.sequence))
            change.unsetBlobs = roles.filter { $0.id == record }.map(\.name)
            groups.append(
                ChangeGroup(
                    id: GroupID(high: randomNumber(), low: randomNumber()), changes: [change]))
        }
        let receipt = try kernel.apply(
            groups, to: id, by: .server(for: owner), at: time, in: transaction)
        return receipt.changed ? try kernel.zone(id, for: owner, in: transaction) : nil
    }
}

extension Limits {
    static let lostRenderingsAtOnceMax = 200
}
