#define _GNU_SOURCE
#include "Files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#if defined(__linux__)
#include <linux/fs.h>
#include <sys/ioctl.h>
#elif defined(__APPLE__)
#include <sys/clonefile.h>
#endif

int martlet_rename_exclusive(int fromFolder, const char *from, int toFolder, const char *to) {
#if defined(__linux__)
    if (renameat2(fromFolder, from, toFolder, to, RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1;
#elif defined(__APPLE__)
    if (renameatx_np(fromFolder, from, toFolder, to, RENAME_EXCL) == 0) return 0;
    if (errno != ENOTSUP && errno != EINVAL) return -1;
#endif
    if (linkat(fromFolder, from, toFolder, to, 0) != 0) return -1;
    return unlinkat(fromFolder, from, 0);
}

int martlet_clone_file(int copy, int source) {
#if defined(__linux__) && defined(FICLONE)
    return ioctl(copy, FICLONE, source);
#else
    (void)copy, (void)source;
    errno = ENOTSUP;
    return -1;
#endif
}
