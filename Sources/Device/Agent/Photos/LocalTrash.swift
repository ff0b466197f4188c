import Library
import Records
package import SyncEngine

/// Moves files that the user does not want out of the library and back, and never unlinks them.
package struct LocalTrash {
    private let disk: DeviceDisk
    private let database: DeviceDatabase
    private let surroundings: Surroundings

    package init(
        _ home: DeviceHome, _ surroundings: Surroundings = .machine()
    ) throws(AgentError) {
        disk = DeviceDisk(
            roots: [.library: DiskRoot(path: try home.configuration().library)])
        database = DeviceDatabase(home)
        self.surroundings = surroundings
    }

    // MARK: There

    /// `refuse` notes in rows whose changes are not wanted, and returns those files as they were
    /// before; they move to `.martlet/trash/`, under names that no other file has.
    ///
    /// Rows know of each before it moves. What changed meanwhile, or is gone, stays as it is.
    /// `candidates`: those of which rows may not have the digest; they are read first, so that the
    /// database waits for no disk.
    package func take(
        reading candidates: [LocalFile] = [],
        _ refuse: (DatabaseRows) throws(RowsError) -> [LocalFile]
    ) throws(AgentError) -> [LocalFile] {
        let digests = digests(of: candidates)
        let now = surroundings.now().wall
        var leaving: [(file: LocalFile, name: AsideName)] = []
        let files = try database.writeDurably { (rows) throws(RowsError) in
            let files = try refuse(rows)
            for file in files where file.place.root.isLibrary {
                let name = AsideName(
                    .trash, fileName: file.place.path.name, number: surroundings.randomNumber())
                leaving.append((file, name))
                let digest = digest(of: file) ?? digests[file.place]
                guard let digest, let agreed = file.agreed else { continue }
                try rows.save(Self.row(file, agreed, digest, name, at: now))
            }
            return files
        }
        let stayed = leaving.filter { file, name in
            (try? disk.moveAside(file.place, file.stamp, to: name)) == nil
        }
        if !stayed.isEmpty {
            try database.write { (rows) throws(RowsError) in
                for (_, name) in stayed { try rows.removeTrashedFile(name) }
            }
        }
        return files
    }

    private static func row(
        _ file: LocalFile, _ agreed: Agreement, _ digest: Digest, _ name: AsideName,
        at now: Timestamp
    ) -> TrashedFile {
        // The digest is that of the bytes that lie there: whoever looks for the good ones must not
        // find these.
        let agreed = Agreement(
            asset: agreed.asset, role: agreed.role, digest: digest,
            byteCount: file.stamp.byteCount, name: agreed.name)
        return TrashedFile(
            name: name, place: file.place, stamp: file.stamp, agreed: agreed, cause: .refused,
            at: now)
    }

    private func digest(of file: LocalFile) -> Digest? {
        file.stamp.byteCount == 0 ? Digest(of: []) : file.content?.digest
    }

    private func digests(of files: [LocalFile]) -> [Place: Digest] {
        var digests: [Place: Digest] = [:]
        for file in files where file.place.root.isLibrary && digest(of: file) == nil {
            digests[file.place] = try? FileHashing.read(disk.open(file.place, file.stamp)).digest
        }
        return digests
    }

    // MARK: And back

    /// Changed files that their user did not want, ordered by name; their assets live on.
    package func refused() throws(AgentError) -> [TrashedFile] {
        try database.read { (rows) throws(RowsError) in
            try rows.trashedFiles(because: .refused)
        }
    }

    /// Puts a file back into the library, beside the good copy if that has its name by now; it is
    /// a picture of its own from then on.
    ///
    /// Returns where it lies; `nil`: it is not in the trash any more.
    package func putBack(_ file: TrashedFile) throws(AgentError) -> Place? {
        for number in 1...Limits.namesTriedMax {
            let place = file.place.beside(number)
            do throws(DiskError) {
                _ = try disk.moveBack(file.name, to: place)
            } catch .alreadyExists {
                continue
            } catch {
                guard error == .notFound else {
                    throw AgentError(
                        .fileUnusable,
                        "\(file.place.path.text) cannot be put back: \(error.text).",
                        cause: error)
                }
                try forget(file)
                return nil
            }
            try forget(file)
            return place
        }
        throw AgentError(
            .fileUnusable,
            "\(file.place.path.text) cannot be put back: rename what lies in its place.")
    }

    private func forget(_ file: TrashedFile) throws(AgentError) {
        try database.write { (rows) throws(RowsError) in
            try rows.removeTrashedFile(file.name)
        }
    }
}

extension Place {
    /// Itself for 1, else the same name with a number.
    fileprivate func beside(_ number: Int) -> Place {
        guard number > 1 else { return self }
        let name = FileName.numbered(FileName.cleaned(path.name).text, number)
        return Place(root: root, path: folder.path.appending(Array(name.utf8)))
    }
}
