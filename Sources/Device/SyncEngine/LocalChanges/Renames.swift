import Library
import Records

// A file that the user renamed in the library renames its asset; moving it between folders changes
// nothing elsewhere: paths are each device's own.

extension SyncEngine {
    /// Renamed originals, until a commit is full.
    mutating func planRenames(
        _ commits: inout [LocalCommit], _ rows: any Rows
    ) throws(RowsError) {
        for file in try rows.renamedFiles(limit: Limits.groupsPerDeviceCommitMax) {
            guard var agreed = file.agreed, file.content != nil, !file.isEdited else { continue }
            let key = RecordKey(type: .asset, id: agreed.asset)
            guard let remote = try rows.remote(key), remote.record.isLiveAsset else {
                localChanges.commits.waitingForRecord.insert(agreed.asset)
                continue
            }
            let fields = AssetFields(
                fileName: file.place.path.name, importedAt: file.since, fileModifiedAt: nil)
            let others = try rows.localFiles(agreedFor: agreed.asset).filter {
                $0.place.root.isLibrary && $0.agreed?.role == .original
            }
            let current = AssetFields(remote.record.fields ?? [:])
            // Of several copies none gives the name, and parts follow their original.
            guard agreed.role == .original, others.count == 1,
                current.name != fields.name || current.nameBytes != fields.nameBytes
            else {
                agreed.fileName = file.place.path.name
                agreed.name = current.name
                try rows.agree(agreed, at: file.place)
                // Its other parts follow.
                renaming.needPass()
                continue
            }
            guard localChanges.commits.mayStart(agreed.asset, at: now) else { continue }
            var change = RecordChange(
                key: key, base: remote.base, set: ["name": .string(fields.name)])
            if let bytes = fields.nameBytes {
                change.set["nameBytes"] = .string(Hexadecimal.encode(bytes))
            } else if current.nameBytes != nil {
                change.unset = ["nameBytes"]
            }
            commits.append(
                LocalCommit(
                    asset: key.id,
                    group: ChangeGroup(
                        id: groupID(key.id, remote.base, "name \(fields.name)"), changes: [change]),
                    isCounted: false))
        }
    }
}
