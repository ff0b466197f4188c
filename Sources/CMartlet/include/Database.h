#ifndef CMARTLET_DATABASE_H
#define CMARTLET_DATABASE_H

// Declared here, so that only what links SQLite anyway needs it.
struct sqlite3;
int sqlite3_db_config(struct sqlite3 *, int, ...);

/// Leaves the write-ahead log beside the database when `connection` (a `sqlite3 *`) is closed,
/// instead of copying it into the database (https://www.sqlite.org/c3ref/c_dbconfig_defensive.html,
/// SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE).
static inline void martlet_keep_log_on_close(void *connection) {
    const int noCheckpointOnClose = 1006;
    sqlite3_db_config((struct sqlite3 *)connection, noCheckpointOnClose, 1, (int *)0);
}

#endif
