#if os(Linux)
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Keeps the machine from falling asleep by itself, with systemd's inhibitor lock.
///
/// The lock lies with a child that ends when its input does: however this process ends, the machine
/// may sleep again. Without `systemd-inhibit` nothing happens.
final class AwakeKeeper: Sendable {
    private struct Child {
        let process: pid_t
        let input: Descriptor
    }

    private let child = Mutex<Child?>(nil)

    func keepAwake(_ isAwake: Bool) {
        child.withLock { child in
            if isAwake, child == nil {
                child = Self.begin()
            } else if !isAwake, let known = child {
                child = nil
                Self.end(known)
            }
        }
    }

    private static func begin() -> Child? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let (output, input) = (Descriptor(ends[0]), Descriptor(ends[1]))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output.number, STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        let arguments = [
            "systemd-inhibit", "--what=sleep:idle", "--who=Martlet",
            "--why=Large photos and videos are being sent", "--mode=block", "cat",
        ]
        var texts = arguments.map { strdup($0) } + [nil]
        defer { for text in texts { free(text) } }
        var process: pid_t = 0
        guard posix_spawnp(&process, arguments[0], &actions, nil, &texts, environ) == 0 else {
            return nil
        }
        return Child(process: process, input: input)
    }

    /// Its input ends with the last reference to it; then it ends itself.
    private static func end(_ child: Child) {
        let process = child.process
        _ = withExtendedLifetime(child) { kill(process, SIGTERM) }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }
}
#endif
