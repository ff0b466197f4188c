import Kernel
import Library
import Records
import Storage
import SyncEngine

// In some seeds the devices speak two protocols, and an app of a newer Martlet writes what neither
// the engine nor the kernel has a word for (P11): fields, parts, types of records, and what only
// newer devices may change.
extension SimulatedServer {
    /// What today's devices speak, and what those of tomorrow do.
    static let protocols = WireProtocol.current...WireProtocol.current + 1

    private static let field = "horizon"
    private static let role = "depthMap"
    private static let type = RecordType(rawValue: "horizon")

    /// Schedules what the app of tomorrow does, each numbered like an act of a user.
    func writeFromTomorrow(
        _ count: Int, within duration: Int64, _ random: RandomStream, without omitted: Set<String>
    ) -> [String] {
        var random = random
        var acts: [String] = []
        for number in 1...max(1, count) {
            let name = "tomorrow.\(number)"
            let (time, stream) = (random.within(0...duration), RandomStream(seed: random.next()))
            guard !omitted.contains(name) else { continue }
            acts.append(name)
            world.after(time) { [self] in
                if isUp { writeFromTomorrow(number, stream) }
            }
        }
        return acts
    }

    /// Only a planted bug drops anything.
    func dropUnknown(_ groups: [ChangeGroup], from device: SimulatedDevice) -> [ChangeGroup] {
        guard world.plantedBug == .unknownDropped,
            device.protocolNumber < Self.protocols.upperBound
        else { return groups }
        return groups.map { group in
            ChangeGroup(
                id: group.id,
                changes: group.changes.map { change in
                    guard change.key.type == .asset, change.action == .save else { return change }
                    var change = change
                    change.unset.append(Self.field)
                    return change
                })
        }
    }

    private func writeFromTomorrow(_ number: Int, _ stream: RandomStream) {
        var random = stream
        let value = JSONValue.integer(Int64(number))
        let requires = random.oneIn(2) ? Self.protocols.upperBound : nil
        if random.oneIn(4) {
            let key = RecordKey(type: Self.type, id: RecordID(high: 11, low: UInt64(number % 3)))
            return save(
                RecordChange(key: key, set: [Self.field: value], requires: requires), number)
        }
        let assets = listing().filter(\.isLiveAsset)
        guard !assets.isEmpty else { return }
        var change = RecordChange(
            key: assets[random.below(assets.count)].key, set: [Self.field: value],
            requires: requires)
        if random.oneIn(3) {
            let content = Content(id: random.next() | 1, byteCount: random.within(1...9_000))
            oracle.userWrote(content)
            hold([store(content)])
            change.setBlobs[Self.role] = BlobReference(
                digest: content.digest, byteCount: content.byteCount, mediaType: "image/x-depth")
        }
        save(change, number)
    }

    private func save(_ change: RecordChange, _ number: Int) {
        var change = change
        do {
            change.base = try inSavepoint {
                guard let record = try kernel.record(change.key, in: zone.id, in: $0) else {
                    return nil
                }
                let epoch = try kernel.zone(zone.id, for: account, in: $0).epoch
                return Base(epoch: epoch, sequence: record.envelope.sequence)
            }
            let group = ChangeGroup(id: GroupID(high: 11, low: UInt64(number)), changes: [change])
            world.step("tomorrow", change.key.id.text)
            world.tell("the app of tomorrow writes \(change.key)")
            world.counters.add(.act, "tomorrow")
            let receipt = try commit(
                [group], by: Actor(account: account, device: DeviceID(high: 11, low: 1)),
                protocolNumber: Self.protocols.upperBound)
            if receipt.results.first?.status == .saved { oracle.wroteFromTomorrow(change) }
        } catch {
            world.violate("The app of tomorrow cannot write: \(error)")
        }
    }
}
