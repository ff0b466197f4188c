// System calls and instructions that Swift cannot reach itself: variadic functions, and CRC-32C.
#ifndef CMARTLET_H
#define CMARTLET_H
#include <stddef.h>
#include <stdint.h>
#include "Attributes.h"
#include "Database.h"
#include "Disk.h"
#include "Files.h"
#include "Memory.h"

/// CRC-32C (Castagnoli; RFC 3720 appendix B.4) of `count` bytes, going on from `crc` (0 at first).
uint32_t martlet_crc32c(uint32_t crc, const void *bytes, size_t count);

#endif
