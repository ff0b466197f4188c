package import Records
package import Storage

/// A resumable upload, announced and not yet finished.
package struct Upload: Hashable, Sendable {
    /// From the client.
    package let id: UploadID
    /// The id of the server's own, under which the store stages the bytes.
    package let stagedAs: UploadID
    package let byteCount: Int64
    /// `nil`: the digest comes with the last part.
    package let digest: Digest?
    /// Whatever the client wants to hear again (tus `Upload-Metadata`).
    package let metadata: String
    package let expiresAt: Timestamp
}

extension Kernel {
    private static let uploadColumns = "id, stagedAs, byteCount, digest, metadata, expiresAt"

    /// Announces an upload; it lives for 24 h.
    ///
    /// The same id again is the same upload; announced otherwise, throws `conflict`. Throws
    /// `overQuota`, `stagedFull`, `tooManyUploads`.
    package func createUpload(
        _ id: UploadID, byteCount: Int64, digest: Digest?, metadata: String,
        for account: AccountID, at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> Upload {
        if let found = try storedUpload(id, for: account, in: transaction) {
            guard found.byteCount == byteCount, found.digest == digest else {
                throw KernelError(.conflict, "The upload id is in use: make another.")
            }
            return found
        }
        try checkUpload(byteCount: byteCount, digest: digest, for: account, in: transaction)
        let count = try transaction.first(
            "SELECT COUNT(*) FROM upload WHERE account = ?", [SQLValue(account)])
        guard (count?.int(0) ?? 0) < Limits.uploadsPerAccountMax else {
            throw KernelError(
                .tooManyUploads,
                "Finish some uploads first: \(Limits.uploadsPerAccountMax) are under way.")
        }
        guard metadata.utf8.count <= Limits.uploadMetadataByteCountMax else {
            throw KernelError(
                .invalidName,
                "The metadata has at most \(Limits.uploadMetadataByteCountMax) bytes.")
        }
        let upload = Upload(
            id: id, stagedAs: newIdentifier(), byteCount: byteCount, digest: digest,
            metadata: metadata,
            expiresAt: time.adding(seconds: Int64(Limits.uploadLifetimeHours) * 3_600))
        try transaction.change(
            """
            INSERT INTO upload (account, createdAt, \(Self.uploadColumns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                SQLValue(account), SQLValue(time), SQLValue(id), SQLValue(upload.stagedAs),
                .integer(byteCount), SQLValue(digest), .text(metadata),
                SQLValue(upload.expiresAt),
            ])
        return upload
    }

    /// Throws `uploadNotFound` also for another account's.
    package func upload(
        _ id: UploadID, for account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Upload {
        guard let found = try storedUpload(id, for: account, in: transaction) else {
            throw KernelError(.uploadNotFound, "There is no such upload: announce it again.")
        }
        return found
    }

    /// Another part arrived: the upload lives on for 24 h.
    package func extendUpload(
        _ id: UploadID, for account: AccountID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            "UPDATE upload SET expiresAt = ? WHERE account = ? AND id = ?",
            [
                SQLValue(time.adding(seconds: Int64(Limits.uploadLifetimeHours) * 3_600)),
                SQLValue(account), SQLValue(id),
            ])
    }

    /// Forgets an upload that was finished or given up.
    package func endUpload(
        _ id: UploadID, for account: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        try transaction.change(
            "DELETE FROM upload WHERE account = ? AND id = ?", [SQLValue(account), SQLValue(id)])
    }

    /// Forgets uploads that nobody went on with.
    ///
    /// Returns what the store has staged for them.
    package func endExpiredUploads(
        at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) -> [UploadID] {
        let expired = try transaction.all(
            """
            SELECT account, id, stagedAs FROM upload WHERE expiresAt <= ?
            ORDER BY expiresAt, account, id LIMIT ?
            """, [SQLValue(time), SQLValue(Limits.rowsPerCollectionMax)])
        for row in expired {
            try transaction.change(
                "DELETE FROM upload WHERE account = ? AND id = ?", [row[0], row[1]])
        }
        return expired.map { $0.identifier(2) }
    }

    /// Which of these staged uploads no row knows: what a crash left in the store.
    package func unknownUploads(
        among staged: [UploadID], in transaction: any Transaction
    ) throws(KernelError) -> [UploadID] {
        var unknown: [UploadID] = []
        for id in staged {
            let row = try transaction.first(
                "SELECT 1 FROM upload WHERE stagedAs = ?", [SQLValue(id)])
            if row == nil { unknown.append(id) }
        }
        return unknown
    }

    private func storedUpload(
        _ id: UploadID, for account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Upload? {
        try transaction.first(
            "SELECT \(Self.uploadColumns) FROM upload WHERE account = ? AND id = ?",
            [SQLValue(account), SQLValue(id)]
        ).map { row in
            Upload(
                id: row.identifier(0), stagedAs: row.identifier(1), byteCount: row.integer(2),
                digest: row.optionalDigest(3), metadata: row.text(4), expiresAt: row.timestamp(5))
        }
    }
}
