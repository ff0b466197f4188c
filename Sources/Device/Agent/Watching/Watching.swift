import Records
package import SyncEngine

package enum Watching {
    /// The best watcher that this system has: its own, and polling where that is used up.
    ///
    /// `limit` is the system's limit of watches; `limitIsReached` is called when it is.
    package static func begin(
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        limit: @escaping @Sendable () -> Int? = { nil },
        limitIsReached: @escaping @Sendable () -> Void = {},
        post: @escaping @Sendable (Event) -> Void
    ) -> any FolderWatcher {
        let polling: @Sendable () -> PollingWatcher = {
            PollingWatcher(sleep: sleep, every: .seconds(Limits.pollSeconds), post: post)
        }
        #if os(Linux)
        let fallback = Fallback(make: polling)
        let exhausted: @Sendable () -> Void = {
            fallback.begin()
            limitIsReached()
        }
        if let watcher = InotifyWatcher(post: post, limit: limit, exhausted: exhausted) {
            return WatcherWithFallback(watcher: watcher, fallback: fallback)
        }
        #endif
        return polling()
    }
}

#if os(Linux)
import Synchronization

/// Polling that begins when it is needed.
private final class Fallback: Sendable {
    private let make: @Sendable () -> PollingWatcher
    private let watcher = Mutex<PollingWatcher?>(nil)

    init(make: @escaping @Sendable () -> PollingWatcher) { self.make = make }

    func begin() { watcher.withLock { $0 = $0 ?? make() } }

    func stop() { watcher.withLock { $0 }?.stop() }
}

private struct WatcherWithFallback: FolderWatcher {
    let watcher: InotifyWatcher
    let fallback: Fallback

    func watch(_ folder: Folder, path: [UInt8]) { watcher.watch(folder, path: path) }

    var limitReached: Int? { watcher.limitReached }

    func stop() {
        watcher.stop()
        fallback.stop()
    }
}
#endif
