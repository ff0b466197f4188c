package import Kernel
package import Records
import Status
package import Storage

/// How the latest proof of a backup went, as the server's database remembers it.
package struct LastProof: Hashable, Sendable {
    package let provenAt: Timestamp
    /// When the backup was made that was tried.
    package let madeAt: Timestamp
    /// `nil`: it restores.
    package let cause: String?
    /// When one was last proven to restore.
    package let goodAt: Timestamp?

    /// `nil`: none was ever tried.
    package static func read(in transaction: any Transaction) throws(KernelError) -> LastProof? {
        try transaction.first("SELECT provenAt, madeAt, cause, goodAt FROM backupProof").map {
            LastProof(
                provenAt: $0.timestamp(0), madeAt: $0.timestamp(1), cause: $0.optionalText(2),
                goodAt: $0.optionalTimestamp(3))
        }
    }

    /// Keeps how a proof went.
    package static func save(
        _ report: BackupProof.Report, at now: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        let cause = AlertText.line(
            report.problems.joined(separator: "; "), max: Limits.proofCauseCharactersMax)
        let isGood = report.problems.isEmpty
        try transaction.change(
            """
            INSERT INTO backupProof ("only", provenAt, madeAt, cause, goodAt)
            VALUES (1, ?, ?, ?, ?)
            ON CONFLICT ("only") DO UPDATE SET provenAt = excluded.provenAt,
                madeAt = excluded.madeAt, cause = excluded.cause,
                goodAt = COALESCE(excluded.goodAt, backupProof.goodAt)
            """,
            [
                SQLValue(now), SQLValue(report.madeAt), SQLValue(isGood ? nil : cause),
                SQLValue(isGood ? now : nil),
            ])
    }
}

extension ServerExaminations {
    /// Whether the backups of this server were tried.
    static let proof = ServerExamination("backupProof", "Whether the backup restores") { server in
        let (backup, proof) = try await server.read { transaction in
            (
                try LastBackup.madeAt(in: transaction), try LastProof.read(in: transaction)
            )
        }
        guard backup != nil || proof != nil else { return Look("there is no backup to try") }
        guard let proof else {
            return Look("never tried", [Finding(.backupUnproven, ["age": "yet"])])
        }
        if let cause = proof.cause {
            return Look(
                "it failed \(server.age(of: proof.provenAt)) ago",
                [
                    Finding(
                        .backupProofFailed,
                        [
                            "made": EvidenceText.time(proof.madeAt),
                            "time": EvidenceText.time(proof.provenAt), "cause": cause.asCause,
                        ])
                ])
        }
        let age = server.age(of: proof.provenAt)
        let isOld = server.now > proof.provenAt.adding(seconds: Limits.proofOldSeconds)
        return Look(
            "proven \(age) ago", isOld ? [Finding(.backupUnproven, ["age": "for \(age)"])] : [])
    }
}

enum ProofSchema {
    static let proofs = """
        -- How the latest proof of a backup went: when it was tried, when that backup was made, why it
        -- does not restore (NULL: it does), and when one last did. One row, once one was tried.
        CREATE TABLE backupProof (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            provenAt INTEGER NOT NULL,
            madeAt INTEGER NOT NULL,
            cause TEXT,
            goodAt INTEGER
        ) STRICT;
        """
}
