import Kernel
import Library
import Records
import Storage

// The server reads every picture itself some time after it came, and commits better facts and a
// preview, some of them anew later: changes that no device made.
extension SimulatedServer {
    private static let reader: Int64 = 2

    /// Schedules the reading of each asset that a saved group brought.
    func analyse(_ groups: [ChangeGroup], _ results: [GroupResult]) {
        for (group, result) in zip(groups, results) where result.status == .saved {
            for change in group.changes where change.key.type == .asset {
                guard let original = change.setBlobs["original"]?.digest else { continue }
                world.after(200...8_000) { [self] in
                    guard isUp else { return }
                    saveFacts(of: change.key.id, original)
                    guard original.bytes[0] % 4 == 0 else { return }
                    world.after(1_000...60_000) { [self] in
                        if isUp { saveRendition(of: change.key.id, original, by: 2) }
                    }
                }
            }
        }
    }

    private func saveFacts(of asset: RecordID, _ original: Digest) {
        let key = RecordKey(type: .facts, id: asset)
        let read: Fields = [
            "of": .string(original.text), "by": .integer(Self.reader), "width": .integer(4_000),
        ]
        let facts = storedContent(original)?.facts ?? ["kind": .string("image")]
        let change = RecordChange(key: key, set: facts.merging(read) { $1 })
        save(change, "analyse")
        saveRendition(of: asset, original, by: 1)
    }

    /// None when its original was replaced or deleted meanwhile, or can't be shown.
    private func saveRendition(of asset: RecordID, _ original: Digest, by renderer: Int64) {
        guard original.bytes[1] % 8 != 0, isOriginal(original, of: asset) else { return }
        let preview = Content.preview(of: original, by: renderer)
        hold([store(preview)])
        let key = RecordKey(type: .rendering, id: asset)
        let change = RecordChange(
            key: key,
            set: ["of": .string(original.text), "by": .integer(renderer)],
            setBlobs: [
                BlobRole.preview.rawValue: BlobReference(
                    digest: preview.digest, byteCount: preview.byteCount, mediaType: "image/webp")
            ])
        save(change, "render")
    }

    private func isOriginal(_ digest: Digest, of asset: RecordID) -> Bool {
        let key = RecordKey(type: .asset, id: asset)
        let record = try? inSavepoint { try kernel.record(key, in: zone.id, in: $0) }
        return record?.blob(.original)?.digest == digest
    }

    private func save(_ change: RecordChange, _ what: StaticString) {
        analysisCount += 1
        let group = ChangeGroup(id: GroupID(high: 9, low: analysisCount), changes: [change])
        world.step(what, change.key.id.text)
        do {
            _ = try commit(
                [group], by: Actor.server(for: account),
                protocolNumber: Self.protocols.upperBound)
        } catch {
            world.violate("The server's own commit fails: \(error)")
        }
    }
}

extension Content {
    /// What a renderer of this number makes of an original.
    fileprivate static func preview(of original: Digest, by renderer: Int64) -> Content {
        let seed = original.bytes.reduce(UInt64(bitPattern: renderer)) { $0 &* 31 &+ UInt64($1) }
        return Content(id: RandomStream.mix(seed), byteCount: 10_000 + Int64(seed % 90_000))
    }
}
