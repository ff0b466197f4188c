package import Records
package import Storage

extension Kernel {
    /// Takes up objects that lie in the store without a row, as a restore finds them.
    ///
    /// Nobody holds them yet: who has the right to one, by a receipt or by sending its bytes, does
    /// afterwards. Give only digests whose own object, if there is one, is not in the store.
    package func adopt(
        _ objects: [StoredObject], at time: Timestamp, in transaction: any Transaction
    ) throws(KernelError) {
        for object in objects {
            try transaction.change(
                """
                INSERT INTO object (digest, objectKey, byteCount, storedAt) VALUES (?, ?, ?, ?)
                ON CONFLICT (digest) DO UPDATE SET
                    objectKey = excluded.objectKey, byteCount = excluded.byteCount
                """,
                [
                    SQLValue(object.digest), .text(object.key.text), .integer(object.byteCount),
                    SQLValue(time),
                ])
        }
    }
}
