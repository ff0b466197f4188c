// Durability and the page cache: what differs between systems, or is no function in Swift.
#ifndef CMARTLET_DISK_H
#define CMARTLET_DISK_H
#include <stdint.h>

/// Makes a file's bytes and size durable (its name is its folder's business). 0, or -1 and errno.
int martlet_sync_file(int file);

/// Makes durable all that was written to the file system of `file`, names too. 0, or -1 and errno.
/// Where the system has no such call, only the file itself is synced: see
/// martlet_has_sync_file_system.
int martlet_sync_file_system(int file);
int martlet_has_sync_file_system(void);

/// Begins to write dirty bytes out without waiting, so that a later sync is short.
void martlet_start_writeback(int file, int64_t offset, int64_t byteCount);

/// Opens for reading past the page cache. -1 and errno where the file system cannot.
int martlet_open_direct(const char *path);

/// Makes writes to an open file go past the page cache (1), or through it again (0): offset, size
/// and address must then be aligned to 4 KiB. -1 and errno where the file system cannot.
int martlet_set_direct(int file, int isDirect);

/// Writes out and forgets the cached bytes of a file, so that the next read is from the medium.
int martlet_drop_cache(int file);

#endif
