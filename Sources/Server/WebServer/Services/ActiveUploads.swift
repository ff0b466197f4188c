import Records
import Synchronization

/// Keeps two requests from writing one upload at the same time.
///
/// Only within this process: servers side by side stage in a store that refuses it itself.
final class ActiveUploads: Sendable {
    private let uploads = Mutex<Set<UploadID>>([])

    func begin(_ upload: UploadID) -> Bool {
        uploads.withLock { $0.insert(upload).inserted }
    }

    func end(_ upload: UploadID) {
        uploads.withLock { _ = $0.remove(upload) }
    }
}
