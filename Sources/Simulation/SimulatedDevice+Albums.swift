import Library
import Records
import SyncEngine

// Albums and pairs, as people decide about them.
extension SimulatedDevice {
    /// One of: a new album, a photo into it, a photo out of it, another name, no album any more.
    func decideAboutAlbum(_ random: inout RandomStream) {
        let albums = rows.current.allRemotes {
            $0.record.key.type == .album && !$0.record.isDeleted
        }
        let assets = rows.current.allRemotes(where: \.record.isLiveAsset)
        guard let album = albums.isEmpty ? nil : random.pick(albums).record.key.id,
            !random.oneIn(4)
        else {
            let id = RecordID(high: random.next(), low: random.next())
            return note(
                .patch(RecordPatch(set: ["name": .string("album")])),
                of: RecordKey(type: .album, id: id))
        }
        let members = rows.current.memberships(in: album, after: nil, limit: .max)
        switch random.below(5) {
        case 0:
            for member in members { note(.delete, of: member.record.key) }
            note(.delete, of: RecordKey(type: .album, id: album))
        case 1:
            note(
                .patch(RecordPatch(set: ["name": .string("album \(random.below(9))")])),
                of: RecordKey(type: .album, id: album))
        case 2:
            if !members.isEmpty { note(.delete, of: random.pick(members).record.key) }
        default:
            guard !assets.isEmpty else { return }
            let membership = Membership(album: album, asset: random.pick(assets).record.key.id)
            note(
                .patch(RecordPatch(set: membership.fields)),
                of: membership.key(idKey: settings.idKey))
        }
    }

    /// A wrong pair: its part is to be a photo of its own again.
    func split(_ random: inout RandomStream) {
        let wholes = rows.current.allRemotes {
            $0.record.isLiveAsset
                && ($0.record.blob(.pairedVideo) != nil || $0.record.blob(.alternate) != nil)
        }
        guard !wholes.isEmpty else { return }
        let whole = random.pick(wholes).record
        let role: BlobRole = whole.blob(.pairedVideo) != nil ? .pairedVideo : .alternate
        world.counters.add(.act, "split a pair")
        note(.split(whole.key.id, role, at: moment.wall))
    }

    private func note(_ action: PendingChange.Action, of key: RecordKey) {
        note(PendingChange(key: key, action: action, madeAt: moment.wall))
    }
}
