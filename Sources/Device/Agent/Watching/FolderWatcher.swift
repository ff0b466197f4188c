package import SyncEngine

/// Tells of changes in folders.
///
/// It may lose some: the engine compares on a schedule as well.
package protocol FolderWatcher: Sendable {
    /// Begins to tell of changes directly in `folder`; the same folder again changes nothing.
    func watch(_ folder: Folder, path: [UInt8])
    /// The system's limit of watches, while it keeps folders from being watched.
    ///
    /// Looks whether it was raised: then folders can be watched again.
    var limitReached: Int? { get }
    func stop()
}

/// Where the system tells nothing, or no more: asks for a comparison from time to time.
final class PollingWatcher: FolderWatcher {
    private let task: Task<Void, Never>

    init(
        sleep: @escaping @Sendable (Duration) async throws -> Void, every interval: Duration,
        post: @escaping @Sendable (Event) -> Void
    ) {
        task = Task {
            while !Task.isCancelled {
                do { try await sleep(interval) } catch { return }
                post(.watchOverflowed)
            }
        }
    }

    func watch(_ folder: Folder, path: [UInt8]) {}

    var limitReached: Int? { nil }

    func stop() { task.cancel() }
}
