#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CMartletVips.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

static int close_on_exec(int pair[2]) {
    for (int i = 0; i < 2; i++) {
        if (fcntl(pair[i], F_SETFD, FD_CLOEXEC) != 0) {
            return -1;
        }
    }
    return 0;
}

int martlet_socket_pair(int pair[2]) {
#ifdef SOCK_CLOEXEC
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
#else
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) {
        return -1;
    }
    int on = 1;
    setsockopt(pair[0], SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
    return close_on_exec(pair);
#endif
}

int martlet_message_pipe(int pair[2]) {
#ifdef __linux__
    return pipe2(pair, O_CLOEXEC | O_NONBLOCK);
#else
    if (pipe(pair) != 0) {
        return -1;
    }
    fcntl(pair[0], F_SETFL, O_NONBLOCK);
    fcntl(pair[1], F_SETFL, O_NONBLOCK);
    return close_on_exec(pair);
#endif
}

static int wait_for(int file, short events, int milliseconds) {
    struct pollfd one = { .fd = file, .events = events };
    int ready = poll(&one, 1, milliseconds);
    return ready < 0 && errno == EINTR ? 1 : ready;
}

ssize_t martlet_send(int socket, const void *bytes, size_t count, int milliseconds) {
    int ready = wait_for(socket, POLLOUT, milliseconds);
    if (ready <= 0) {
        return ready;
    }
#ifdef MSG_NOSIGNAL
    ssize_t sent = send(socket, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
#else
    ssize_t sent = send(socket, bytes, count, MSG_DONTWAIT);
#endif
    return sent < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : sent;
}

ssize_t martlet_receive(int file, void *bytes, size_t count, int milliseconds) {
    int ready = wait_for(file, POLLIN, milliseconds);
    if (ready == 0) {
        return -2;
    }
    if (ready < 0) {
        return -1;
    }
    ssize_t got = read(file, bytes, count);
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? -2 : got;
}

// Runs in the child between fork and exec: only calls that are safe there.
static void become(
    const char *program, char *const arguments[], char *const environment[], int input, int output,
    int messages, int newGroup, int endsWithParent, pid_t parent) {
    if (newGroup) {
        setpgid(0, 0);
    }
#ifdef __linux__
    if (endsWithParent) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(127);
        }
    }
#else
    (void) endsWithParent;
    (void) parent;
#endif
    int files[3] = { input, output, messages };
    for (int i = 0; i < 3; i++) {
        // Clear of 0 to 2 first, so that none is overwritten before its turn.
        files[i] = files[i] < 0 ? open("/dev/null", O_RDWR) : files[i];
        files[i] = fcntl(files[i], F_DUPFD, 10);
    }
    for (int i = 0; i < 3; i++) {
        dup2(files[i], i);
    }
#if defined(__linux__) && defined(SYS_close_range)
    syscall(SYS_close_range, 3u, ~0u, 0u);
#else
    for (int file = 3; file < 1024; file++) {
        close(file);
    }
#endif
    for (int number = 1; number < 32; number++) {
        signal(number, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(program, arguments, environment);
    _exit(127);
}

// Looked for before the fork, because the search itself is not safe after it.
static int locate(const char *program, char *path, size_t count) {
    const char *folders = getenv("PATH");
    if (folders == NULL) {
        folders = "/usr/local/bin:/usr/bin:/bin";
    }
    for (const char *p = program; *p != 0; p++) {
        if (*p == '/') {
            folders = NULL;
        }
    }
    while (1) {
        size_t used = 0;
        if (folders != NULL) {
            while (*folders != 0 && *folders != ':' && used < count - 2) {
                path[used++] = *folders++;
            }
            path[used++] = '/';
        }
        for (const char *p = program; *p != 0 && used < count - 1; p++) {
            path[used++] = *p;
        }
        path[used] = 0;
        if (access(path, X_OK) == 0) {
            return 0;
        }
        if (folders == NULL || *folders == 0) {
            return -1;
        }
        folders++;
    }
}

pid_t martlet_start(
    const char *program, char *const arguments[], char *const environment[], int input, int output,
    int messages, int newGroup, int endsWithParent) {
    char path[4096];
    if (locate(program, path, sizeof path) != 0) {
        return -1;
    }
    // No handler of this program may run in the child.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t process = fork();
    if (process == 0) {
        become(
            path, arguments, environment, input, output, messages, newGroup, endsWithParent,
            parent);
    }
    int failure = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (process > 0 && newGroup) {
        // Both sides set it, so that it is set whoever runs first.
        setpgid(process, process);
    }
    errno = failure;
    return process;
}

int martlet_end(pid_t process, int group) {
    if (process <= 0) {
        return 0;
    }
    if (group) {
        kill(-process, SIGKILL);
    }
    kill(process, SIGKILL);
    int status = 0;
    while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

int martlet_ending_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

int martlet_limit_memory(int64_t byteCount) {
#ifdef __linux__
    // One arena: each thread's own would reserve 64 MiB.
    mallopt(M_ARENA_MAX, 1);
    // What decoders' threads may pile up counts as memory, whether they do or not.
    pthread_attr_t plain;
    if (pthread_attr_init(&plain) == 0) {
        pthread_attr_setstacksize(&plain, 2 << 20);
        pthread_setattr_default_np(&plain);
        pthread_attr_destroy(&plain);
    }
#endif
    struct rlimit none = { 0, 0 };
    setrlimit(RLIMIT_CORE, &none);
    struct rlimit limit = { (rlim_t) byteCount, (rlim_t) byteCount };
#ifdef RLIMIT_DATA
    // What is written to: it does not count libraries and files that are only mapped.
    if (setrlimit(RLIMIT_DATA, &limit) != 0) {
        return -1;
    }
#endif
    // Addresses are many more than memory; the limit only ends what reserves without an end.
    limit.rlim_cur = limit.rlim_max = (rlim_t) byteCount + ((rlim_t) 2 << 30);
    return setrlimit(RLIMIT_AS, &limit);
}

void martlet_limit_seconds(int seconds) {
    struct rusage used;
    struct rlimit limit;
    if (getrusage(RUSAGE_SELF, &used) == 0 && getrlimit(RLIMIT_CPU, &limit) == 0) {
        rlim_t soft = (rlim_t) (used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + seconds);
        if (limit.rlim_max == RLIM_INFINITY || soft <= limit.rlim_max) {
            limit.rlim_cur = soft;
            setrlimit(RLIMIT_CPU, &limit);
        }
    }
    // Should the server be gone, nobody else would end a decoder that hangs.
    alarm((unsigned) seconds + 5);
}

int martlet_take_output(void) {
    int output = fcntl(1, F_DUPFD_CLOEXEC, 3);
    return output < 0 || dup2(2, 1) < 0 ? -1 : output;
}

int64_t martlet_monotonic_milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
