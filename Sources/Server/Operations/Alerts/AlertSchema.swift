enum AlertSchema {
    static let alerts = """
        -- Where the owner wants to be told. `settings` is JSON with what it takes to get there,
        -- passwords among it. `attempts` and `failingSince` are of the tries since the last message
        -- that got through, `error` is the sentence of the last one.
        CREATE TABLE alertChannel (
            name TEXT NOT NULL PRIMARY KEY,
            kind TEXT NOT NULL,
            settings TEXT NOT NULL,
            addedAt INTEGER NOT NULL,
            sentAt INTEGER,
            attempts INTEGER NOT NULL,
            nextTryAt INTEGER NOT NULL,
            failingSince INTEGER,
            error TEXT
        ) STRICT, WITHOUT ROWID;

        -- A cause that lasts, or is over and not told everywhere. `source` is what was looked at;
        -- `subject` says which of several with one code. It is told once it was seen at `tellAt` or
        -- later.
        CREATE TABLE alert (
            code TEXT NOT NULL,
            subject TEXT NOT NULL,
            source TEXT NOT NULL,
            message TEXT NOT NULL,
            advice TEXT,
            beganAt INTEGER NOT NULL,
            tellAt INTEGER NOT NULL,
            seenAt INTEGER NOT NULL,
            endedAt INTEGER,
            PRIMARY KEY (code, subject)
        ) STRICT, WITHOUT ROWID;

        -- What a channel has heard of it: that it began, or that it is over.
        CREATE TABLE alertTold (
            channel TEXT NOT NULL,
            code TEXT NOT NULL,
            subject TEXT NOT NULL,
            beganAt INTEGER NOT NULL,
            isOver INTEGER NOT NULL,
            PRIMARY KEY (channel, code, subject)
        ) STRICT, WITHOUT ROWID;

        -- Which of the servers looks and tells, until when. After how many days a device is silent:
        -- 0 for never. One row, once a server has run.
        CREATE TABLE alertTurn (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            lease INTEGER,
            leasedUntil INTEGER,
            lookedAt INTEGER,
            silentDays INTEGER NOT NULL
        ) STRICT;
        """
}
