import NIOPosix
import Records
import SyncEngine

/// Threads for calls that wait for the disk, so that the cooperative pool never does.
package struct WorkPool: Sendable {
    private let threads: NIOThreadPool

    package init(threadCount: Int) {
        threads = NIOThreadPool(numberOfThreads: threadCount)
        threads.start()
    }

    func submit(_ body: @escaping @Sendable () -> Void) {
        threads.submit { state in
            if state == .active { body() }
        }
    }

    /// Throws `interrupted` when the pool was stopped.
    func run<R: Sendable>(
        _ body: @escaping @Sendable () throws(DiskError) -> R
    ) async throws -> R {
        try await threads.runIfActive { try body() }
    }

    package func stop() async {
        try? await threads.shutdownGracefully()
    }
}
