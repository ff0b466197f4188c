import Foundation
import Library
import Media
import Photos
import Records
import Synchronization

/// Reads nothing: a file's first bytes say what is to become of it.
///
///     "damaged…"    can never be read
///     "crash N…"    fails N times, then is good
///     "endless…"    takes until it is cancelled, and fails then
///     anything else is good
final class MadeUpReader: PictureReader {
    struct Call: Hashable, Sendable {
        let name: String
        let thumbnail: Bool
        let preview: Bool
    }

    let widthMax: Int
    private let calls = Mutex<[Call]>([])
    private let crashes = Mutex<[String: Int]>([:])
    private let together = Mutex<(now: Int, most: Int)>((0, 0))

    init(widthMax: Int = 2) { self.widthMax = widthMax }

    var rendered: [Call] { calls.withLock { $0 } }
    var mostTogether: Int { together.withLock { $0.most } }

    func facts(
        of path: String, sidecar: String?, name: String, fileModifiedAt: Timestamp?,
        mediaType: MediaType
    ) async throws -> Facts {
        let text = try content(path)
        if text.hasPrefix("damaged") { throw PictureFailure.damaged("made up") }
        var facts = Facts(kind: mediaType.isVideo ? .video : .image, mediaType: mediaType)
        (facts.width, facts.height) = (400, 300)
        facts.title = try sidecar.map { try content($0) }
        return facts
    }

    func render(
        _ path: String, mediaType: MediaType, thumbnail: Bool, preview: Bool
    ) async throws -> RenderedPicture {
        let text = try content(path)
        together.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
        defer { together.withLock { $0.now -= 1 } }
        await Task.yield()
        calls.withLock { $0.append(Call(name: text, thumbnail: thumbnail, preview: preview)) }
        if text.hasPrefix("damaged") { throw PictureFailure.damaged("made up") }
        if text.hasPrefix("endless") { try await Task.sleep(for: .seconds(3_600)) }
        if text.hasPrefix("crash "), let count = Int(text.split(separator: " ")[1]) {
            let soFar = crashes.withLock { crashes in
                crashes[text, default: 0] += 1
                return crashes[text] ?? 0
            }
            if soFar <= count { throw PictureFailure.temporary("made up") }
        }
        return RenderedPicture(
            thumbnail: thumbnail ? Array("thumbnail of \(text)".utf8) : nil,
            preview: preview ? Array("preview of \(text)".utf8) : nil,
            thumbhash: thumbnail ? [1, 2, 3] : nil, width: 400, height: 300)
    }

    private func content(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }
}
