// What Martlet uses of libvips, whose own functions take variable arguments, and the start of child
// processes, which Swift cannot do with limits.
#ifndef CMARTLETVIPS_H
#define CMARTLETVIPS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// --- Pictures ---------------------------------------------------------------------------------

/// A picture of libvips; freed by martlet_picture_free.
typedef struct martlet_picture martlet_picture;

/// Starts libvips for hostile files: one thread, no cache, only the loaders that are needed. 0 or -1.
int martlet_pictures_start(const char *program);

/// The stored size and EXIF orientation of the picture in a file, and how many pages it has: reads
/// the header only. 0, or -1 and a message.
int martlet_picture_header(
    const char *path, int *width, int *height, int *orientation, int *pages);

/// A file's first picture, shrunk to fit a square of `box` pixels, turned upright, in sRGB.
/// NULL and a message when it cannot be read.
martlet_picture *martlet_picture_from_file(const char *path, int box);

/// The same of an encoded picture in memory. `orientation` 1 to 8 replaces the picture's own; 0
/// keeps it. The bytes must stay until the picture is freed.
martlet_picture *martlet_picture_from_bytes(
    const void *bytes, size_t count, int box, int orientation);

/// The same of plain rows of red, green, blue; copied.
martlet_picture *martlet_picture_from_rgb(const void *bytes, int width, int height, int box);

/// A smaller copy of a picture.
martlet_picture *martlet_picture_shrunk(martlet_picture *picture, int box);

int martlet_picture_width(const martlet_picture *picture);
int martlet_picture_height(const martlet_picture *picture);
void martlet_picture_free(martlet_picture *picture);

/// WebP of a picture; free the bytes with martlet_bytes_free. 0, or -1 and a message.
int martlet_picture_webp(martlet_picture *picture, int quality, void **bytes, size_t *count);

/// Plain rows of red, green, blue, opacity; free with martlet_bytes_free. 0, or -1 and a message.
int martlet_picture_rgba(martlet_picture *picture, void **bytes, size_t *count);

void martlet_bytes_free(void *bytes);

/// What went wrong since the last call; valid until the next one.
const char *martlet_pictures_message(void);

// --- Child processes ----------------------------------------------------------------------------

/// A connected pair of sockets that no other program inherits. 0, or -1 and errno.
int martlet_socket_pair(int pair[2]);

/// A pipe that no other program inherits and that never makes a writer wait. 0, or -1 and errno.
int martlet_message_pipe(int pair[2]);

/// Sends bytes without ever raising a signal, waiting `milliseconds` at most until some can be taken.
/// The count sent; 0 when the time is over; -1 and errno.
ssize_t martlet_send(int socket, const void *bytes, size_t count, int milliseconds);

/// Receives bytes, waiting `milliseconds` at most. The count; -1 and errno; -2 when the time is
/// over; 0 at the end.
ssize_t martlet_receive(int file, void *bytes, size_t count, int milliseconds);

/// Starts a program, looked for in PATH, with these as its standard input, output and messages (-1:
/// none), in a group of its own when `newGroup` is set, ended with this process where the system
/// knows how when `endsWithParent` is set. The process, or -1 and errno.
pid_t martlet_start(
    const char *program, char *const arguments[], char *const environment[], int input, int output,
    int messages, int newGroup, int endsWithParent);

/// Ends a process (and its group) at once and waits for it. Its wait status.
int martlet_end(pid_t process, int group);

/// What a wait status means: the signal that ended the process, or 0.
int martlet_ending_signal(int status);

/// Limits this process's memory and files of its memory (none). 0, or -1 and errno.
int martlet_limit_memory(int64_t byteCount);

/// Gives this process so many more seconds of processor time, and of time at all, before it is
/// ended.
void martlet_limit_seconds(int seconds);

/// Keeps the standard output for answers alone: returns another file for it and sends what is
/// printed by mistake to the messages. -1 and errno.
int martlet_take_output(void);

/// Milliseconds of a clock that only goes forward.
int64_t martlet_monotonic_milliseconds(void);

#endif
