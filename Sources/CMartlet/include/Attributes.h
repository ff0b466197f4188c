// Extended attributes that users and their programs give files: what differs between systems.
#ifndef CMARTLET_ATTRIBUTES_H
#define CMARTLET_ATTRIBUTES_H
#include <stddef.h>
#include <sys/types.h>

/// Writes the names of an open file's attributes, each with a NUL behind it. Returns their bytes,
/// or -1 and errno. Some names may be the system's own: see martlet_is_user_attribute.
ssize_t martlet_list_attributes(int file, char *names, size_t byteCountMax);

/// Whether an attribute is a user's, and not the system's (rights, labels).
int martlet_is_user_attribute(const char *name);

/// Returns the value's bytes, or -1 and errno.
ssize_t martlet_get_attribute(int file, const char *name, void *value, size_t byteCountMax);

/// Sets an attribute, whether it was there or not. 0, or -1 and errno.
int martlet_set_attribute(int file, const char *name, const void *value, size_t byteCount);

#endif
