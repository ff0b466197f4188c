import Library
import Records

// Setting the base view: which part of which asset a file of the library is.

extension SyncEngine {
    /// Notes for every file of the library that has the bytes of one of the asset's parts that it is
    /// that part.
    mutating func agree(on remote: RemoteRecord, _ rows: any Rows) throws(RowsError) {
        guard remote.record.isLiveAsset else { return }
        for (role, blob) in remote.record.fileParts {
            for file in try rows.localFiles(with: blob.digest) {
                try agree(file, is: role, of: remote, rows)
            }
        }
    }

    /// Notes that the file is one of this asset's parts, if it is.
    mutating func agree(
        _ file: LocalFile, isPartOf remote: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) {
        guard remote.record.isLiveAsset, let digest = file.content?.digest,
            let role = remote.record.fileParts.first(where: { $0.blob.digest == digest })?.role
        else { return }
        try agree(file, is: role, of: remote, rows)
    }

    private mutating func agree(
        _ file: LocalFile, is role: BlobRole, of remote: RemoteRecord, _ rows: any Rows
    ) throws(RowsError) {
        // A source's files are sent, never missed.
        guard file.place.root.isLibrary, let blob = remote.record.blob(role) else { return }
        if let agreed = file.agreed, agreed.digest == blob.digest {
            if agreed.asset == remote.record.key.id, agreed.role == role { return }
            // The same bytes in two assets: the first stays.
            let first = try rows.remote(RecordKey(type: .asset, id: agreed.asset))
            if let first, first.record.isLiveAsset,
                first.record.blob(agreed.role)?.digest == agreed.digest
            {
                return
            }
        }
        var agreement = Agreement(
            asset: remote.record.key.id, role: role, digest: blob.digest,
            byteCount: blob.byteCount, name: AssetFields(remote.record.fields ?? [:]).name,
            fileName: file.place.path.name, modifiedAt: file.stamp.modifiedAt)
        if let earlier = try earlierAgreement(of: file, agreement, rows) {
            // Names that were agreed on stay until both sides have the new one.
            agreement.name = earlier.name
            agreement.fileName = earlier.fileName
            localChanges.commits.isPlanNeeded = true
        } else if let before = file.agreed, remote.record.conflictsWith == before.asset {
            // Its own name is free for the other version.
            agreement.name = before.name
        }
        if remote.record.isNamedOtherwise(than: agreement.name) { renaming.needPass() }
        try rows.agree(agreement, at: file.place)
        try noteAgreed(agreement.asset, rows)
        // What lay here before is an asset, or a part, without this place now.
        if let before = file.agreed,
            before.asset != agreement.asset || before.role != agreement.role
        {
            fetchAgainSoon()
        }
    }

    /// The file is no longer what it was agreed on as: that is fetched again.
    mutating func disagree(_ file: LocalFile, _ rows: any Rows) throws(RowsError) {
        guard file.isEdited else { return }
        try rows.agree(nil, at: file.place)
        fetchAgainSoon()
    }

    /// What the same part was agreed on as before: here, or where it was moved from.
    private mutating func earlierAgreement(
        of file: LocalFile, _ agreement: Agreement, _ rows: any Rows
    ) throws(RowsError) -> Agreement? {
        if let agreed = file.agreed, agreed.asset == agreement.asset,
            agreed.role == agreement.role
        {
            return agreed
        }
        guard localChanges.missingCount > 0 else { return nil }
        for missing in try rows.missingFiles(agreedFor: agreement.asset)
        where missing.agreed.role == agreement.role {
            try forget(missing, rows)
            return missing.agreed
        }
        return nil
    }
}
