import Kernel
import Records

// The server reads every picture itself some time after it came, and commits better facts: changes
// that no device made.
extension SimulatedServer {
    private static let reader: Int64 = 2

    /// Schedules the reading of each asset that a saved group brought.
    func analyse(_ groups: [ChangeGroup], _ results: [GroupResult]) {
        for (group, result) in zip(groups, results) where result.status == .saved {
            for change in group.changes where change.key.type.rawValue == "asset" {
                guard let original = change.setBlobs["original"]?.digest else { continue }
                world.after(200...8_000) { [self] in
                    if isUp { saveFacts(of: change.key.id, original) }
                }
            }
        }
    }

    private func saveFacts(of asset: RecordID, _ original: Digest) {
        let key = RecordKey(type: RecordType(rawValue: "facts"), id: asset)
        analysisCount += 1
        let read: Fields = [
            "of": .string(original.text), "by": .integer(Self.reader), "width": .integer(4_000),
        ]
        let facts = storedContent(original)?.facts ?? ["kind": .string("image")]
        let change = RecordChange(key: key, set: facts.merging(read) { $1 })
        let group = ChangeGroup(id: GroupID(high: 9, low: analysisCount), changes: [change])
        world.step("analyse", asset.text)
        do {
            _ = try commit([group], by: Actor.server(for: account))
        } catch {
            world.violate("The server's own commit fails: \(error)")
        }
    }
}
