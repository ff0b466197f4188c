import Library
import Records
import SyncEngine
import CMartlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Writes every asset's parts as ordinary files, `YYYY/MM/NAME`, from this device where they lie
/// here, else from the server.
///
/// Every byte is checked; nothing is ever overwritten.
package struct PhotoExport: Sendable {
    package struct Ledger: Hashable, Sendable {
        package var written = 0
        /// The same bytes lie under that name already.
        package var alreadyThere = 0
        package var failed: [Failure] = []
        package var byteCount: Int64 = 0
    }

    package struct Failure: Hashable, Sendable, Encodable {
        package let name: String
        package let reason: String
    }

    /// One file to be written.
    private struct Item: Sendable {
        let folder: RelativePath
        let asset: AssetFields
        let role: BlobRole
        let blob: BlobReference
        let modifiedAt: Timestamp?
        let places: [Place]

        /// The file's name, or the next ones when others have it.
        func name(_ number: Int) -> [UInt8] {
            LibraryPath.name(of: role, mediaType: blob.mediaType, asset: asset, number: number)
        }
    }

    private let home: DeviceHome
    private let target: DeviceDisk
    private let source: DeviceDisk
    private let pool = WorkPool(threadCount: Limits.hashesAtOnce)

    /// Makes the folder `path` (absolute).
    ///
    /// Throws what makes it unusable.
    package init(home: DeviceHome, to path: String) throws(AgentError) {
        self.home = home
        do throws(DiskError) {
            try LibraryFolder.makeFolders(path)
        } catch {
            throw AgentError(.fileUnusable, "\(path) cannot be made: \(error.text).", cause: error)
        }
        target = DeviceDisk(roots: [.library: DiskRoot(path: path)])
        source = try DeviceDatabase(home).read { (rows) throws(RowsError) in
            var roots: [RootID: DiskRoot] = [:]
            for root in try rows.storedRoots() { roots[root.id] = root.disk }
            return DeviceDisk(roots: roots)
        }
    }

    package func run(
        progress: @Sendable (Ledger) -> Void
    ) async throws(AgentError) -> Ledger {
        let configuration = try home.configuration()
        let client = ServerClient(
            address: try ServerAddress(parsing: configuration.server), token: try home.token(),
            trusting: home.trustedFiles())
        var (ledger, id): (Ledger, RecordID?) = (Ledger(), nil)
        while true {
            let after = id
            let (items, last) = try DeviceDatabase(home).read { (rows) throws(RowsError) in
                let page = try rows.records(
                    of: .asset, after: after, limit: Limits.recordsPerCommitMax)
                return (try Self.items(of: page, rows), page.last?.record.key.id)
            }
            for item in items {
                await export(item, client, &ledger)
                progress(ledger)
            }
            guard let last else { break }
            id = last
        }
        await client.shutdown()
        await pool.stop()
        return ledger
    }

    private static func items(
        of assets: [RemoteRecord], _ rows: DatabaseRows
    ) throws(RowsError) -> [Item] {
        var items: [Item] = []
        for asset in assets where asset.record.isLiveAsset {
            let fields = AssetFields(asset.record.fields ?? [:])
            let facts = try rows.remote(
                RecordKey(type: .facts, id: asset.record.key.id))?.record.fields
            let folder = LibraryPath.folder(for: ShownDate.of(asset: fields, facts: facts))
            for (role, blob) in asset.record.fileParts {
                items.append(
                    Item(
                        folder: folder, asset: fields, role: role, blob: blob,
                        modifiedAt: fields.fileModifiedAt,
                        places: try rows.localFiles(with: blob.digest).map(\.place)))
            }
        }
        return items
    }

    private func export(_ item: Item, _ client: ServerClient, _ ledger: inout Ledger) async {
        do throws(RequestFailure) {
            let temporary = TemporaryName("martlet-export-\(item.blob.digest.text)")
            if try await isThere(item) {
                ledger.alreadyThere += 1
                return
            }
            try await fetch(item, client, into: temporary)
            try await onDisk { () throws(DiskError) in try place(item, temporary) }
            ledger.written += 1
            ledger.byteCount += item.blob.byteCount
        } catch {
            let name = String(decoding: item.name(1), as: UTF8.self)
            ledger.failed.append(Failure(name: name, reason: error.sentence))
        }
    }

    private func onDisk<R: Sendable>(
        _ body: @escaping @Sendable () throws(DiskError) -> R
    ) async throws(RequestFailure) -> R {
        do { return try await pool.run(body) } catch { throw RequestFailure(transport: error) }
    }

    /// Whether one of the names holds the same bytes already.
    private func isThere(_ item: Item) async throws(RequestFailure) -> Bool {
        let target = target
        return try await onDisk { () throws(DiskError) in
            for number in 1...Limits.namesTriedMax {
                let place = Place(
                    root: .library, path: item.folder.appending(item.name(number)))
                guard case .file(let stamp)? = try target.entry(at: place)?.kind else {
                    return false
                }
                guard stamp.byteCount == item.blob.byteCount else { continue }
                let read = try FileHashing.read(target.open(place, stamp))
                if read.digest == item.blob.digest { return true }
            }
            return false
        }
    }

    /// From this device when one of its files still holds the bytes, else from the server.
    private func fetch(
        _ item: Item, _ client: ServerClient, into temporary: TemporaryName
    ) async throws(RequestFailure) {
        for place in item.places {
            let (source, target) = (source, target)
            let isCopied = try? await onDisk { () throws(DiskError) in
                guard case .file(let stamp)? = try source.entry(at: place)?.kind else {
                    return false
                }
                let file = try source.open(place, stamp)
                let copy = try target.openPartial(temporary, flags: O_RDWR | O_CREAT | O_TRUNC)
                let shares = martlet_clone_file(copy.number, file.number) == 0
                let read = try FileHashing.read(shares ? copy : file) {
                    (bytes, offset) throws(DiskError) in
                    if !shares { try copy.write(bytes, at: offset) }
                }
                return read.digest == item.blob.digest
            }
            if isCopied == true { return }
        }
        let (digest, _) = try await Downloading(
            client: client, disk: target, pool: pool, isExport: true
        ).run(item.blob.digest, byteCount: item.blob.byteCount, into: temporary) { _ in }
        guard digest == item.blob.digest else {
            try? await onDisk { [target] () throws(DiskError) in
                try target.removePartial(temporary)
            }
            throw .digestMismatch(item.blob.digest)
        }
    }

    private func place(_ item: Item, _ temporary: TemporaryName) throws(DiskError) {
        let folder = try target.makeAndOpen(Folder(root: .library, path: item.folder))
        let top = try target.open(Folder(root: .library, path: .root))
        let file = try target.openPartial(temporary, flags: O_RDWR)
        if let time = item.modifiedAt {
            let spec = timespec(nanoseconds: time.milliseconds * 1_000_000)
            _ = futimens(file.number, [spec, spec])
        }
        try file.sync()
        for number in 1...Limits.namesTriedMax {
            let result = withName(Array(temporary.text.utf8)) { from in
                withName(item.name(number)) { to in
                    martlet_rename_exclusive(top.number, from, folder.number, to)
                }
            }
            if result == 0 { return try folder.sync() }
            if errno != EEXIST { throw DiskError(errno: errno) }
        }
        throw .alreadyExists
    }
}

extension DeviceDisk {
    /// A file in the making at the top of an export's folder.
    func openPartial(_ temporary: TemporaryName, flags: Int32) throws(DiskError) -> Descriptor {
        try Descriptor.open(
            Array(temporary.text.utf8), in: open(Folder(root: .library, path: .root)),
            flags: flags, mode: 0o644)
    }

    func removePartial(_ temporary: TemporaryName) throws(DiskError) {
        let folder = try open(Folder(root: .library, path: .root))
        let result = withName(Array(temporary.text.utf8)) { unlinkat(folder.number, $0, 0) }
        guard result == 0 || errno == ENOENT else { throw DiskError(errno: errno) }
    }
}
