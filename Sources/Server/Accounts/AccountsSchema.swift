package import Storage

package enum AccountsSchema {
    /// To be applied behind the kernel's.
    package static let migrations = [
        Migration(
            name: "2026-11-21 credentials, devices and sign-ins",
            sql: """
                -- One row for each account that a person signs in to. The kernel's account row says
                -- what it owns; this one how it proves who it is. `nameKey` is the name as it is
                -- compared. `password` is a PHC string. A disabled account lets nobody in.
                CREATE TABLE credential (
                    account BLOB NOT NULL PRIMARY KEY,
                    name TEXT NOT NULL,
                    nameKey TEXT NOT NULL UNIQUE,
                    password TEXT NOT NULL,
                    changedAt INTEGER NOT NULL,
                    isDisabled INTEGER NOT NULL DEFAULT 0
                ) STRICT, WITHOUT ROWID;

                -- A password made by the server for one program, named by its label. `digest` is
                -- the SHA-256 of its letters: it is random, so it needs no slow hash.
                CREATE TABLE appPassword (
                    account BLOB NOT NULL REFERENCES credential ON DELETE CASCADE,
                    label TEXT NOT NULL,
                    digest BLOB NOT NULL,
                    createdAt INTEGER NOT NULL,
                    usedAt INTEGER,
                    PRIMARY KEY (account, label)
                ) STRICT, WITHOUT ROWID;

                -- A device or browser that has signed in; its id is its own. `token` is the SHA-256
                -- of its bearer token, NULL once signed out or revoked. `expiresAt` is only set for
                -- browsers. `label` names the app password that it came in with.
                CREATE TABLE device (
                    account BLOB NOT NULL REFERENCES credential ON DELETE CASCADE,
                    id BLOB NOT NULL,
                    name TEXT NOT NULL,
                    isBrowser INTEGER NOT NULL,
                    token BLOB UNIQUE,
                    signedInAt INTEGER NOT NULL,
                    heardAt INTEGER NOT NULL,
                    expiresAt INTEGER,
                    revokedAt INTEGER,
                    label TEXT,
                    PRIMARY KEY (account, id)
                ) STRICT, WITHOUT ROWID;

                -- Sign-ins that failed or are being checked, for the limits. `subject` is
                -- `account NAME` or `address ADDRESS`; rows older than the window are dropped.
                CREATE TABLE signInAttempt (
                    subject TEXT NOT NULL,
                    at INTEGER NOT NULL,
                    number INTEGER NOT NULL,
                    PRIMARY KEY (subject, at, number)
                ) STRICT, WITHOUT ROWID;
                CREATE INDEX signInAttemptByAge ON signInAttempt (at);
                """)
    ]

    /// To be applied behind those of all services.
    package static let laterMigrations = [
        Migration(
            name: "2026-11-21 services that accounts may not use",
            sql: """
                -- A service (the kind of its zones) that who runs the server has switched off for an
                -- account.
                CREATE TABLE deniedService (
                    account BLOB NOT NULL REFERENCES credential ON DELETE CASCADE,
                    service TEXT NOT NULL,
                    since INTEGER NOT NULL,
                    PRIMARY KEY (account, service)
                ) STRICT, WITHOUT ROWID;
                """)
    ]
}
