import Dispatch

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A thread that waits until a descriptor can be read, again and again, until it is stopped.
final class ReadLoop: Sendable {
    private let stopReader: Descriptor
    private let stopWriter: Descriptor

    /// `nil` when the system gives no pipe.
    ///
    /// `readable` is called on the loop's own thread and must not wait.
    init?(_ descriptor: Descriptor, label: String, readable: @escaping @Sendable () -> Void) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        stopReader = Descriptor(ends[0])
        stopWriter = Descriptor(ends[1])
        DispatchQueue(label: label).async { [stopReader] in
            while true {
                var waits = [
                    pollfd(fd: stopReader.number, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0),
                ]
                if poll(&waits, nfds_t(waits.count), -1) < 0 && errno != EINTR { return }
                if waits[0].revents != 0 { return }
                if waits[1].revents != 0 { readable() }
            }
        }
    }

    func stop() {
        var byte: UInt8 = 0
        _ = write(stopWriter.number, &byte, 1)
    }
}
