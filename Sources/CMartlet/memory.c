#include "Memory.h"

#if defined(__GLIBC__) || (defined(__linux__) && __has_include(<gnu/libc-version.h>))
#include <malloc.h>

void martlet_keep_little_memory(void) {
    (void)mallopt(M_ARENA_MAX, 2);
    // Setting it also ends its growth, by which glibc would keep ever larger buffers.
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
    // Each arena keeps so much; from 32 MiB down to 8 it took a sixth off a server's peak, and nothing
    // off what it did in a second.
    (void)mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

void martlet_give_memory_back(void) { (void)malloc_trim(0); }

#else

void martlet_keep_little_memory(void) {}
void martlet_give_memory_back(void) {}

#endif
