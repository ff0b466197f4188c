import Library
package import Records

/// What this device has observed of one file.
package struct LocalFile: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        /// Seen, its bytes not read yet under this stamp.
        case unread
        /// Read under this stamp.
        case read(FileContent)
        /// A sidecar, read under this stamp.
        case sidecar(FileContent)
        /// Not to be imported: a reason's code (`emptyFile`, `notAPhoto`, …).
        case notIncluded(code: String)
        /// Could not be read; tried again when it changes, and with every comparison.
        case unreadable(DiskError)
    }

    package var place: Place
    package var stamp: FileStamp
    package var state: State
    package var since: Timestamp
    /// What this device and the server last agreed on for this place; stays while new bytes are read.
    package var agreed: Agreement?

    package init(
        place: Place, stamp: FileStamp, state: State, since: Timestamp, agreed: Agreement? = nil
    ) {
        self.place = place
        self.stamp = stamp
        self.state = state
        self.since = since
        self.agreed = agreed
    }

    /// Its bytes are others than those that were agreed on.
    package var isEdited: Bool {
        guard let agreed, let content else { return false }
        return agreed.digest != content.digest
    }

    /// An edit that nobody has approved among changes that were held.
    var isUnapprovedEdit: Bool { isEdited && agreed?.modifiedAt != nil }

    package var content: FileContent? {
        switch state {
        case .read(let content), .sidecar(let content): content
        case .unread, .notIncluded, .unreadable: nil
        }
    }
}

/// A `LocalFile` without its content: as much as tells a comparison that nothing happened to it.
package struct KnownFile: Hashable, Sendable {
    package enum State: Hashable, Sendable {
        /// `LocalFile.State.unread`.
        case open
        /// As a picture or as a sidecar.
        case read
        case notIncluded, unreadable
    }

    package let name: [UInt8]
    package let stamp: FileStamp
    package let state: State

    package init(name: [UInt8], stamp: FileStamp, state: State) {
        self.name = name
        self.stamp = stamp
        self.state = state
    }

    init(_ file: LocalFile) {
        let state: State =
            switch file.state {
            case .unread: .open
            case .read, .sidecar: .read
            case .notIncluded: .notIncluded
            case .unreadable: .unreadable
            }
        self.init(name: file.place.path.name, stamp: file.stamp, state: state)
    }
}

/// The server's record as this device last heard of it.
package struct RemoteRecord: Hashable, Sendable {
    package var record: Record
    /// The epoch that `record.envelope.sequence` belongs to.
    package var epoch: Epoch
    /// The number of the listing that confirmed it last; a listing that lacks it leaves it behind.
    package var listing: Int64

    package init(record: Record, epoch: Epoch, listing: Int64) {
        self.record = record
        self.epoch = epoch
        self.listing = listing
    }

    package var base: Base { Base(epoch: epoch, sequence: record.envelope.sequence) }
}

/// How far the zone's feed is read.
package struct FeedState: Hashable, Sendable {
    package var token: ChangeToken?
    /// `false` until a page with `more == false` came: then what the list lacks is known.
    package var isComplete: Bool
    package var listing: Int64

    package init(token: ChangeToken? = nil, isComplete: Bool = false, listing: Int64 = 0) {
        self.token = token
        self.isComplete = isComplete
        self.listing = listing
    }
}

/// A large upload under way, so that it goes on after a crash.
package struct UploadRow: Hashable, Sendable {
    package let digest: Digest
    package let upload: UploadID
    package let startedAt: Timestamp

    package init(digest: Digest, upload: UploadID, startedAt: Timestamp) {
        self.digest = digest
        self.upload = upload
        self.startedAt = startedAt
    }
}

/// A root as the user configured it.
package struct RootRow: Hashable, Sendable {
    package let id: RootID
    /// Absolute path on this device, for messages only; the agent maps it.
    package let path: String

    package init(id: RootID, path: String) {
        self.id = id
        self.path = path
    }
}

/// What the device was told at sign-in and by its user.
package struct DeviceSettings: Hashable, Sendable {
    package var account: AccountID
    package var device: DeviceID
    package var deviceName: String
    package var zone: ZoneID
    /// The zone's key for asset ids.
    package var idKey: [UInt8]
    package var library: LibraryID
    package var markGeneration: Int64
    /// Optimize Storage: originals stay in the cloud until asked for, sources are not copied.
    package var optimizesStorage: Bool
    /// The server's address, for messages only.
    package var server: String

    package init(
        account: AccountID, device: DeviceID, deviceName: String, zone: ZoneID, idKey: [UInt8],
        library: LibraryID, markGeneration: Int64, optimizesStorage: Bool,
        server: String = "the server"
    ) {
        self.account = account
        self.device = device
        self.deviceName = deviceName
        self.zone = zone
        self.idKey = idKey
        self.library = library
        self.markGeneration = markGeneration
        self.optimizesStorage = optimizesStorage
        self.server = server
    }
}

/// The device's database, as the engine sees it: rows read and written within the transaction of
/// the event that is being handled.
///
/// After a crash the rows are those after some earlier event, never between two; the same plan then
/// comes out again.
///
/// Lists are ordered by their keys; a page ends at `limit`.
package protocol Rows: LocalChangesRows, RemovalsRows, OptimizingRows, ConditionsRows, StoriesRows,
    UserChangesRows, RenamingRows, ConflictsRows, PreviewsRows, EarlierContentsRows
{
    var settings: DeviceSettings { get throws(RowsError) }
    var roots: [RootRow] { get throws(RowsError) }

    func localFiles(in folder: Folder) throws(RowsError) -> [LocalFile]
    /// The same files, ordered by name (its bytes).
    func knownFiles(in folder: Folder) throws(RowsError) -> [KnownFile]
    /// Those whose names begin with these bytes.
    func localFiles(in folder: Folder, namePrefix: [UInt8]) throws(RowsError) -> [LocalFile]
    /// Direct children of `folder` in which, at any depth, files are known.
    func subfolders(of folder: Folder) throws(RowsError) -> [Folder]
    func localFile(at place: Place) throws(RowsError) -> LocalFile?
    func localFiles(with digest: Digest) throws(RowsError) -> [LocalFile]
    /// Files that were agreed on as parts of an asset.
    func localFiles(agreedFor asset: RecordID) throws(RowsError) -> [LocalFile]
    /// Files in state `unread`, and those read (sidecars too) whose digest is not matched: no asset
    /// names it or did (`assets(with:)` is empty), or is another than was agreed on.
    func openLocalFiles(after place: Place?, limit: Int) throws(RowsError) -> [LocalFile]
    func save(_ file: LocalFile) throws(RowsError)
    func removeLocalFile(at place: Place) throws(RowsError)

    func remote(_ key: RecordKey) throws(RowsError) -> RemoteRecord?
    /// Assets, trashed ones and tombstones included, that name `digest` now or did in any role:
    /// what a saved record replaces is remembered until its key is removed, or it is forgotten
    /// (`EarlierContentsRows`).
    func assets(with digest: Digest) throws(RowsError) -> [RemoteRecord]
    /// Assets that live outside the trash and lack a file in the library (root 0), in state `read`
    /// or `sidecar`, for at least one of the parts in `BlobRole.keptAsFiles`.
    func assetsNotInLibrary(after id: RecordID?, limit: Int) throws(RowsError) -> [RemoteRecord]
    /// Records of all types whose listing is before `listing`, ordered by key.
    func remotesNotListed(since listing: Int64, limit: Int) throws(RowsError) -> [RemoteRecord]
    func save(_ remote: RemoteRecord) throws(RowsError)
    func removeRemote(_ key: RecordKey) throws(RowsError)

    func feed() throws(RowsError) -> FeedState
    func save(_ feed: FeedState) throws(RowsError)

    func upload(of digest: Digest) throws(RowsError) -> UploadRow?
    func save(_ upload: UploadRow) throws(RowsError)
    func removeUpload(of digest: Digest) throws(RowsError)

    /// Counts over all rows, for the status; may take 50 ms at 100,000 items.
    func statistics() throws(RowsError) -> RowStatistics
}

package struct RowStatistics: Hashable, Sendable {
    /// Assets outside the trash.
    package var assets = 0
    /// … of which every part lies in the library or a source of this device.
    package var assetsHere = 0
    /// Distinct digests read on this device that no remote asset names.
    package var digestsOnlyHere = 0
    /// Assets outside the trash about which the user decided something that the server lacks.
    package var assetsPending = 0
    package var filesUnread = 0
    package var filesUnreadable = 0
    /// By code.
    package var filesNotIncluded: [String: Int] = [:]
    /// Over `digestsOnlyHere`, each once.
    package var byteCountOnlyHere: Int64 = 0
    package var byteCountUnread: Int64 = 0
    /// Over the parts of live assets, as in `assetsNotInLibrary`, that lack a file in the library.
    package var byteCountNotInLibrary: Int64 = 0
    /// Assets that lie nowhere on this device, by what was chosen for them.
    package var chosenHere = 0
    package var chosenInCloud = 0
    /// Of `byteCountNotInLibrary`, by what was chosen.
    package var byteCountChosenHere: Int64 = 0
    package var byteCountChosenInCloud: Int64 = 0

    package init() {}
}

extension Rows {
    package func localFiles(
        in folder: Folder, namePrefix: [UInt8]
    ) throws(RowsError) -> [LocalFile] {
        try localFiles(in: folder).filter { $0.place.path.name.starts(with: namePrefix) }
    }
}

package struct RowsError: Error, Sendable {
    package enum Code: String, Sendable {
        /// The database fails its own check or holds what cannot be read.
        case damaged
        case diskFull
        case unavailable
        /// A newer Martlet wrote it.
        case newerVersion
    }

    package let code: Code
    /// A sentence.
    package let message: String
    /// The same without its frame, for a reason's evidence.
    package let cause: String

    package init(_ code: Code, _ message: String, cause: String? = nil) {
        self.code = code
        self.message = message
        self.cause = cause ?? message
    }
}
