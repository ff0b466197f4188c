// How the C library keeps freed memory: what differs between systems.
#ifndef CMARTLET_MEMORY_H
#define CMARTLET_MEMORY_H

/// Call once, early: few arenas, and what is free at their ends goes back to the system. Without it
/// a server keeps the most that it ever used. Nothing where unknown.
void martlet_keep_little_memory(void);

/// Gives freed memory back to the system now; takes some milliseconds. Nothing where unknown.
void martlet_give_memory_back(void);

#endif
