import Library
import Records
import Status

// Sidecars: files that belong to the picture beside them.

/// Whom a sidecar belongs to, by what is known now.
enum SidecarOwner {
    /// No picture beside it: an asset of its own, so that its bytes cross all the same.
    case nobody
    /// A picture that is not across yet.
    case waits
    case asset(RemoteRecord)
    /// Its picture was deleted before: it shares that fate (P9).
    case deletedBefore
}

extension SyncEngine {
    /// Rows of all files whose names make them possible sidecars of the picture at `place`.
    func sidecars(beside place: Place, _ rows: any Rows) throws(RowsError) -> [LocalFile] {
        guard comparison.withSidecars.contains(place.folder) else { return [] }
        let prefix = SidecarName.sidecarPrefix(of: place.path.name)
        return try rows.localFiles(in: place.folder, namePrefix: prefix).filter {
            $0.place != place && SidecarName.stem(of: $0.place.path.name) != nil
        }
    }

    /// Something changed about a picture: sidecars that waited for it are decided anew.
    mutating func decideSidecars(beside place: Place, _ rows: any Rows) throws(RowsError) {
        for sidecar in try sidecars(beside: place, rows) {
            guard case .sidecar(let content) = sidecar.state else { continue }
            if uploads.items[content.digest]?.stage == .waitingForOriginal {
                uploads.move(content.digest, to: .stored, at: now)
            } else {
                try consider(sidecar, rows)
            }
        }
    }

    /// A picture is across: its sidecars can follow.
    mutating func resumeSidecars(of asset: RemoteRecord, _ rows: any Rows) throws(RowsError) {
        guard let original = asset.record.blob(.original) else { return }
        for file in try rows.localFiles(with: original.digest) {
            try decideSidecars(beside: file.place, rows)
        }
    }

    func owner(of sidecar: LocalFile, _ rows: any Rows) throws(RowsError) -> SidecarOwner {
        let name = sidecar.place.path.name
        guard let picture = try picture(of: name, in: sidecar.place.folder, rows) else {
            return .nobody
        }
        guard let content = picture.content else { return .waits }
        switch try disposition(of: content.digest, rows) {
        case .absent: return .waits
        case .live(let asset): return asset.record.isDeleted ? .nobody : .asset(asset)
        case .deletedBefore: return .deletedBefore
        }
    }

    /// The picture in `folder` that a sidecar of this name belongs to.
    func picture(
        of sidecar: [UInt8], in folder: Folder, _ rows: any Rows
    ) throws(RowsError) -> LocalFile? {
        guard let prefix = SidecarName.ownerPrefix(of: sidecar) else { return nil }
        let candidates = try rows.localFiles(in: folder, namePrefix: prefix).filter { file in
            switch file.state {
            case .unread, .read, .unreadable: file.place.path.name != sidecar
            case .sidecar, .notIncluded: false
            }
        }
        let names = candidates.map(\.place.path.name)
        guard let name = SidecarName.owner(of: sidecar, among: names) else { return nil }
        return candidates.first { $0.place.path.name == name }
    }
}
