import Foundation
import Kernel
import Library
import Media
import Photos
import Records
import Rendering
import TestSupport
import Testing

/// Every real photo through the whole of it: stored, read, drawn in decoding children, committed.
@Suite struct RealPhotosTests {
    @Test(.enabled(if: RealPhotos.available), .timeLimit(.minutes(5)))
    func `every real photo gets facts and pictures, or says that it is damaged`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        var names: [RecordID: String] = [:]
        for name in RealPhotos.names() {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: RealPhotos.path(name))))
            let file = name.split(separator: "/").last.map(String.init) ?? name
            let content = MediaContent.classify(
                name: file, head: Array(bytes.prefix(MediaContent.headByteCount)))
            guard content.isMedia, let mediaType = content.mediaType else { continue }
            let id = try await world.addPicture(
                file, bytes, to: zone, as: mediaType.rawValue,
                fields: ["fileModifiedAt": .integer(0)])
            names[id] = name
        }
        try #require(names.count > 150)

        let renderer = Renderer(executable: BuiltProgram.path, childCount: 2)
        let worker = world.worker(RendererReader(renderer: renderer, widthMax: 2))
        // What takes too long or ends its decoder is tried again, and then given up.
        for _ in 0..<Limits.jobAttemptsMax {
            try await worker.drain()
            world.advance(milliseconds: Limits.jobRetrySecondsMax * 1000)
        }
        await renderer.shutdown()

        let progress = try await world.service.progress(in: nil, for: account)
        #expect(progress.assets == names.count)
        #expect(progress.waiting == 0)
        #expect(progress.withoutPreview == 0)
        for (id, name) in names {
            let found = try await world.service.picture(id, in: nil, for: account)
            #expect(
                found.facts["by"] == .integer(Int64(Facts.fullReader)), "\(name) has no facts")
            let isWhole = found.picture.thumbnail != nil && found.picture.preview != nil
            #expect(isWhole != (found.picture.problem != nil), "\(name)")
            if !name.hasPrefix("damaged/") { #expect(isWhole, "\(name) has no pictures") }
        }
        try await compareKnown(names, world, account)
    }

    private func compareKnown(
        _ names: [RecordID: String], _ world: PhotoWorld, _ account: AccountID
    ) async throws {
        var compared = 0
        for known in KnownPhoto.all {
            guard let id = names.first(where: { $0.value == known.path })?.key else { continue }
            let picture = try await world.service.picture(id, in: nil, for: account).picture
            compared += 1
            #expect(picture.width == known.width, "\(known)")
            #expect(picture.height == known.height, "\(known)")
            if let taken = known.taken {
                #expect(picture.shown.text == taken, "\(known)")
                #expect(picture.shown.offsetMinutes == known.offset, "\(known)")
            }
        }
        #expect(compared >= 30)
    }
}
