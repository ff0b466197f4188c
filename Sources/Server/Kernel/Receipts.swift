package import Records
package import Storage

extension Kernel {
    /// What the receipt for a blob says now; sign it with `ReceiptSigner`.
    ///
    /// Throws `blobNotFound` unless the account holds it, and `notVerified` until its bytes have
    /// been read back.
    package func receipt(
        _ digest: Digest, for account: AccountID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> Receipt {
        let location = try object(digest, for: account, in: transaction)
        guard let verifiedAt = location.verifiedAt else {
            throw KernelError(.notVerified, "The blob \(digest) is yet to be read back.")
        }
        return Receipt(
            account: account, digest: digest, byteCount: location.byteCount,
            verifiedAt: verifiedAt, epoch: try serverState(in: transaction).epoch, copies: 1,
            issuedAt: time)
    }

    /// Gives the account its holding again by a receipt that `ReceiptSigner` has opened: the right
    /// survives a rollback of the database.
    ///
    /// Throws `invalidReceipt` for another account's, and `blobNotFound` when the server no longer
    /// has the bytes; then they must be sent.
    package func claim(
        _ receipt: Receipt, for account: AccountID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) {
        guard receipt.account == account else {
            throw KernelError(.invalidReceipt, "The receipt is another account's.")
        }
        let object = try transaction.first(
            "SELECT byteCount FROM object WHERE digest = ?", [SQLValue(receipt.digest)])
        guard let object, object.integer(0) == receipt.byteCount else {
            throw KernelError(.blobNotFound, "The server has the blob no longer: send it again.")
        }
        try addHolding(
            receipt.digest, receipt.byteCount, for: account, verifiedAt: nil, at: time,
            transaction)
    }
}
