import Foundation
import Kernel
import Library
import Media
import Photos
import Records
import Storage
import TestSupport
import Testing

/// The decoding children read files; a bucket has none.
@Suite(.serialized) struct BucketRenderingTests {
    @Test func `pictures in a bucket are drawn from copies, of which none stays`() async throws {
        let world = try await PhotoWorld(inBucket: true)
        let (account, zone) = try await world.account("me")
        for index in 0..<6 {
            try await world.addPicture("\(index)", Array("good \(index)".utf8), to: zone)
        }
        try await world.addPicture("bad", Array("damaged".utf8), to: zone)
        let reader = MadeUpReader()
        try await world.worker(reader).drain()
        let progress = try await world.service.progress(in: nil, for: account)
        #expect(progress == .init(assets: 7, waiting: 0, withoutPreview: 0, damaged: 1))
        #expect(Set(reader.rendered.map(\.name)).count == 7)
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.folder.path).isEmpty)
    }

    @Test func `what is too large to be copied is not fetched, and holds up nobody`()
        async throws
    {
        let world = try await PhotoWorld(inBucket: true)
        let (account, zone) = try await world.account("me")
        let byteCount = Limits.readableCopyByteCountMax + 1
        let digest = Digest(of: Array("a very long film".utf8))
        let object = StoredObject(
            key: ObjectKey(text: String(repeating: "0", count: 32)), digest: digest,
            byteCount: byteCount)
        let now = world.now
        _ = try await world.database.write { [kernel = world.kernel] transaction in
            try kernel.addHoldings(
                [HeldObject(object: object)], for: account, at: now, in: transaction)
        }
        var asset = RecordChange(
            key: RecordKey(type: .asset, id: AssetIdentity.id(of: digest, idKey: zone.idKey)))
        asset.set = ["name": .string("film.mov"), "importedAt": .integer(now.milliseconds)]
        asset.setBlobs = [
            BlobRole.original.rawValue: BlobReference(
                digest: digest, byteCount: byteCount, mediaType: "video/quicktime")
        ]
        try await world.commit([asset], to: zone)
        try await world.addPicture("small", Array("good".utf8), to: zone)
        let reader = MadeUpReader()
        try await world.worker(reader).drain()
        #expect(Set(reader.rendered.map(\.name)) == ["good"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: world.folder.path).isEmpty)
    }
}
