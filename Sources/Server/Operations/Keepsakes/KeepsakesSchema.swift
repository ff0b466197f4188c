package enum KeepsakesSchema {
    static let sql = """
        -- The key that signs receipts, of servers that share only this database and a bucket: sealed
        -- by another one that is the bucket's note `name`, so that neither gives it away alone. One
        -- row, or none where the key lies in the server's folder. See `BucketKeepsakes`.
        CREATE TABLE receiptKey (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            name TEXT NOT NULL,
            sealed BLOB NOT NULL
        ) STRICT;
        """
}
