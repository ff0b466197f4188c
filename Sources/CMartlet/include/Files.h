// Moving and copying files without ever replacing one: what differs between systems.
#ifndef CMARTLET_FILES_H
#define CMARTLET_FILES_H

/// Moves a name to another that must not exist. 0, or -1 and errno (EEXIST when it does).
/// Where the file system cannot do both in one step: a second link, then the first one is removed.
int martlet_rename_exclusive(int fromFolder, const char *from, int toFolder, const char *to);

/// Shares the blocks of `source` with the empty file `copy`. -1 and errno where that can't be done.
int martlet_clone_file(int copy, int source);

#endif
