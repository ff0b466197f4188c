import Library
import Records

// What is on its way out.

/// One file that is to leave, and how far it got.
struct LeavingFile: Sendable {
    enum Stage: Hashable, Sendable {
        case inPlace
        case aside
        case gone
        /// The disk did not say what became of it: its intent stays, and recovery looks again.
        case unknown
    }

    let place: Place
    let stamp: FileStamp
    let agreed: Agreement
    let aside: AsideName
    var stage = Stage.inPlace
    /// Names tried to put it back.
    var number = 1
}

/// All files of one asset: they share one fate (P9).
struct Eviction: Sendable {
    let asset: RecordID
    /// Every blob that the asset names (P2).
    let receipts: [Digest: Int64]
    var files: [LeavingFile]
    /// Something is not as it must be: what was moved aside goes back.
    var isRefused = false

    var byteCount: Int64 { files.reduce(0) { $0 + $1.stamp.byteCount } }
}

struct EvictionBatch: Sendable {
    enum Step: Sendable {
        case askingReceipts, checkingMark, announcing, movingAside, givingUp, syncing
    }

    var step = Step.askingReceipts
    var items: [Eviction]
    let askedAt: Moment
    /// Results that this step still waits for.
    var pending = 0
    /// Ordered; to be synced before the intents go.
    var changedFolders: [Folder] = []
    var syncFailed = false

    subscript(place: Place) -> LeavingFile? {
        get {
            for item in items {
                if let file = item.files.first(where: { $0.place == place }) { return file }
            }
            return nil
        }
        set {
            guard let newValue else { return }
            for index in items.indices {
                guard let file = items[index].files.firstIndex(where: { $0.place == place })
                else { continue }
                items[index].files[file] = newValue
            }
        }
    }

    mutating func refuse(_ place: Place) {
        for index in items.indices
        where items[index].files.contains(where: { $0.place == place }) {
            items[index].isRefused = true
        }
    }
}

/// What a disk operation of an eviction was for.
enum EvictionWork: Sendable {
    case announced
    case moved(Place)
    case gaveUp(Place)
    case putBack(Place)
    case synced(Folder)
    /// Left by an earlier run: back in its place, and that made durable.
    case returned(Place, to: Place, number: Int)
    case returnSynced(Place)
}

/// An asset that is to leave and may not yet.
struct PendingEviction: Sendable {
    let asset: RecordID
    let since: Timestamp
    /// What is wrong with a receipt that came; `nil`: none came, or the asset is not ready.
    var fault: String?
}

struct Evictions: Sendable {
    var isPassNeeded = false
    var cursor: RecordID?
    var batch: EvictionBatch?
    /// Ordered by asset; looked at again when `nextTry` is due.
    var pending: [PendingEviction] = []
    var nextTry: Int64?
    /// What the target of free space still lacks.
    var toFree: Int64 = 0
    var freed: Int64 = 0
    var freeingSince: Timestamp?
    /// Uptime of the reading of the disk that `toFree` follows from.
    var spaceReadAt: Int64?
    /// Something left in this pass, or could not be asked for: of a removal of all originals.
    var isWorthAnotherPass = false
    /// Passes of a removal in a row in which nothing left.
    var idlePasses = 0
    /// Uptime when the latest batch ended: what was read before says too little.
    var endedAt: Int64?

    /// After so many the removal has ended: what is still here stays.
    static let idlePassesMax = 3

    var isIdle: Bool { batch == nil && !isPassNeeded && toFree == 0 }
    var isFreeing: Bool { toFree > 0 }

    func isPending(_ asset: RecordID) -> Bool { pending.contains { $0.asset == asset } }

    mutating func wait(_ asset: RecordID, fault: String? = nil, at now: Moment) {
        guard !isPending(asset), pending.count < Limits.evictionsPendingMax else { return }
        pending.insertSorted(PendingEviction(asset: asset, since: now.wall, fault: fault)) {
            $0.asset < $1.asset
        }
        nextTry = nextTry ?? now.uptime + Limits.evictionRetrySeconds * 1_000
    }

    /// The user, or something new, says that it is worth another look.
    mutating func startAnew() {
        pending = []
        nextTry = nil
        isPassNeeded = true
        spaceReadAt = nil
    }

    mutating func needPass() {
        isPassNeeded = true
        cursor = nil
    }

    mutating func forget(_ asset: RecordID) { pending.removeAll { $0.asset == asset } }
}
