import Dispatch
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// SIGINT and SIGTERM ask for an end in good order; a second one does not wait for it.
enum StopSignals {
    private static let numbers = [SIGINT, SIGTERM]

    static func handled<R>(
        by stop: @escaping @Sendable () -> Void, _ body: () async throws -> R
    ) async rethrows -> R {
        let counter = Counter()
        let sources = numbers.map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if counter.next() == 1 { stop() } else { _exit(128 + number) }
            }
            source.activate()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await body()
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)

    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}

/// Set by a signal, looked at between two steps.
final class StopFlag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .relaxed) }

    func set() { value.store(true, ordering: .relaxed) }
}
