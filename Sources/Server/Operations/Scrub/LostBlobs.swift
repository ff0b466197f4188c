package import Kernel
import Library
package import Records
package import Storage

/// One blob that an account has lost on the server, and what its devices said of it.
package struct LostBlob: Hashable, Sendable {
    package let account: String
    package let digest: Digest
    package let byteCount: Int64
    /// The name of a picture that it belongs to; `nil` for what is not a picture's.
    package let name: String?
    /// Names of the signed-in devices that have yet to say whether they have it.
    package let waitingFor: [String]
    /// Signed-in devices.
    package let deviceCount: Int

    /// Every device was asked, and none has it.
    package var isGone: Bool { waitingFor.isEmpty }
}

/// What the server has lost and asks devices for.
package enum LostBlobs {
    /// A device says that it has none of these; what is not wanted of the account is ignored.
    package static func answer(
        _ digests: [Digest], lackedBy actor: Actor, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) {
        for digest in digests {
            try transaction.change(
                """
                INSERT INTO wantedAnswer (account, digest, device, answeredAt)
                SELECT account, digest, ?, ? FROM holding
                WHERE account = ? AND digest = ? AND state = 3
                ON CONFLICT (account, digest, device) DO UPDATE SET
                    answeredAt = excluded.answeredAt
                """,
                [
                    SQLValue(actor.device), SQLValue(time), SQLValue(actor.account),
                    SQLValue(digest),
                ])
        }
    }

    /// How many claims of accounts wait for their bytes.
    package static func count(in transaction: any Transaction) throws(KernelError) -> Int {
        try transaction.first("SELECT COUNT(*) FROM holding WHERE state = 3")?.int(0) ?? 0
    }

    static func forgetAnswers(in transaction: any Transaction) throws(KernelError) {
        try transaction.change(
            """
            DELETE FROM wantedAnswer WHERE NOT EXISTS (SELECT 1 FROM holding
                WHERE holding.account = wantedAnswer.account
                    AND holding.digest = wantedAnswer.digest AND holding.state = 3)
            """)
    }

    /// Of all accounts, at most `limit`.
    package static func all(
        limit: Int, kernel: Kernel, in transaction: any Transaction
    ) throws(KernelError) -> [LostBlob] {
        let rows = try transaction.all(
            """
            SELECT holding.account, account.name, holding.digest, holding.byteCount
            FROM holding JOIN account ON account.id = holding.account
            WHERE holding.state = 3 ORDER BY holding.account, holding.digest LIMIT ?
            """, [SQLValue(limit)])
        var lost: [LostBlob] = []
        for row in rows {
            guard let digest = row.optionalDigest(2) else { continue }
            let devices = try transaction.all(
                """
                SELECT name, (SELECT COUNT(*) FROM wantedAnswer
                    WHERE wantedAnswer.account = device.account AND wantedAnswer.digest = ?
                        AND wantedAnswer.device = device.id)
                FROM device WHERE account = ? AND token IS NOT NULL AND isBrowser = 0
                ORDER BY name
                """, [row[2], row[0]])
            lost.append(
                LostBlob(
                    account: row.text(1), digest: digest, byteCount: row.integer(3),
                    name: try name(of: digest, row.identifier(0), kernel, transaction),
                    waitingFor: devices.filter { $0.integer(1) == 0 }.map { $0.text(0) },
                    deviceCount: devices.count))
        }
        return lost
    }

    private static func name(
        of digest: Digest, _ account: AccountID, _ kernel: Kernel, _ transaction: any Transaction
    ) throws(KernelError) -> String? {
        let row = try transaction.first(
            """
            SELECT blobReference.zone, blobReference.id, blobReference.role
            FROM zone JOIN blobReference ON blobReference.zone = zone.id
            WHERE zone.owner = ? AND blobReference.digest = ?
            ORDER BY blobReference.revision LIMIT 1
            """, [SQLValue(account), SQLValue(digest)])
        guard let row else { return nil }
        let key = RecordKey(type: .asset, id: row.identifier(1))
        // A row that cannot be read has its own finding.
        guard let asset = try? kernel.record(key, in: row.identifier(0), in: transaction) else {
            return nil
        }
        let name = AssetFields(asset.fields ?? [:]).name
        return row.text(2) == BlobRole.original.rawValue ? name : "\(name) (\(row.text(2)))"
    }
}
