#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The real camera files that tests of media read: `../shared/photos` beside the checkout, or
/// MARTLET_PHOTOS.
///
/// They are never copied into the repository.
package enum RealPhotos {
    package static var folder: String {
        if let path = ProcessInfo.processInfo.environment["MARTLET_PHOTOS"] { return path }
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return root.deletingLastPathComponent().path + "/shared/photos"
    }

    package static var available: Bool { FileManager.default.fileExists(atPath: folder) }

    package static func path(_ name: String) -> String { folder + "/" + name }

    /// Every file of the given folders (all of them by default), as a path below `folder`, in order.
    package static func names(in folders: [String] = everyFolder) -> [String] {
        folders.flatMap { name in
            let found = (try? FileManager.default.contentsOfDirectory(atPath: path(name))) ?? []
            return found.sorted().map { "\(name)/\($0)" }
        }
    }

    /// Pictures and films that aren't broken.
    package static let soundFolders = [
        "albums/nature", "camera", "dates-and-tags", "gps", "heic", "orientation", "raw", "video",
        "web",
    ]
    package static let everyFolder = soundFolders + ["damaged"]
}
