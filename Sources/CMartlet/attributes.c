#include "Attributes.h"
#include <string.h>
#include <sys/xattr.h>

ssize_t martlet_list_attributes(int file, char *names, size_t byteCountMax) {
#if defined(__APPLE__)
    return flistxattr(file, names, byteCountMax, 0);
#else
    return flistxattr(file, names, byteCountMax);
#endif
}

int martlet_is_user_attribute(const char *name) {
#if defined(__linux__)
    return strncmp(name, "user.", 5) == 0;
#else
    (void)name;
    return 1;
#endif
}

ssize_t martlet_get_attribute(int file, const char *name, void *value, size_t byteCountMax) {
#if defined(__APPLE__)
    return fgetxattr(file, name, value, byteCountMax, 0, 0);
#else
    return fgetxattr(file, name, value, byteCountMax);
#endif
}

int martlet_set_attribute(int file, const char *name, const void *value, size_t byteCount) {
#if defined(__APPLE__)
    return fsetxattr(file, name, value, byteCount, 0, 0);
#else
    return fsetxattr(file, name, value, byteCount, 0);
#endif
}
