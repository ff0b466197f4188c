#define _GNU_SOURCE
#include "Disk.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#if defined(__linux__)

int martlet_sync_file(int file) { return fdatasync(file); }

int martlet_sync_file_system(int file) { return syncfs(file); }
int martlet_has_sync_file_system(void) { return 1; }

void martlet_start_writeback(int file, int64_t offset, int64_t byteCount) {
    (void)sync_file_range(file, offset, byteCount, SYNC_FILE_RANGE_WRITE);
}

int martlet_open_direct(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECT);
}

int martlet_set_direct(int file, int isDirect) {
    int flags = fcntl(file, F_GETFL);
    if (flags < 0) return -1;
    return fcntl(file, F_SETFL, isDirect ? flags | O_DIRECT : flags & ~O_DIRECT) < 0 ? -1 : 0;
}

int martlet_drop_cache(int file) {
    if (fdatasync(file) != 0) return -1;
    int result = posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    if (result == 0) return 0;
    errno = result;
    return -1;
}

#else

int martlet_sync_file(int file) {
#if defined(F_FULLFSYNC)
    if (fcntl(file, F_FULLFSYNC) == 0) return 0;
#endif
    return fsync(file);
}

int martlet_sync_file_system(int file) { return martlet_sync_file(file); }
int martlet_has_sync_file_system(void) { return 0; }

void martlet_start_writeback(int file, int64_t offset, int64_t byteCount) {
    (void)file, (void)offset, (void)byteCount;
}

int martlet_open_direct(const char *path) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
#if defined(F_NOCACHE)
    if (file >= 0) (void)fcntl(file, F_NOCACHE, 1);
#endif
    return file;
}

int martlet_set_direct(int file, int isDirect) {
    if (!isDirect) return 0;
    errno = EINVAL;
    return -1;
}

int martlet_drop_cache(int file) { return martlet_sync_file(file); }

#endif
