/// What can go wrong.
///
/// Each seed enables a random half of these, so that rare pairs meet.
enum FaultKind: String, CaseIterable {
    // At any effect or request
    case agentCrash, powerCut, serverCrash
    case requestLost, replyLost, requestRepeated, requestDelayed
    case uploadCorrupted, downloadCorrupted, downloadBroken
    case readError, writeError, syncFailed
    case notificationLost, rowsFailed
    // For some time
    case offline, serverBusy, serverStorageFull, signInExpired
    case diskFull, diskReadOnly, diskFailing, volumeMissing, sourceMissing
    case clockJump, serverClockJump, serverRestored
    case paused, noRoute, captivePortal, lowPower, lowBattery, metered, photosOff

    /// The number of effects or requests in which it strikes about once; `nil`: lasts for some time.
    var rarity: Int? {
        switch self {
        // What leaves nothing half done is most of all effects: see `tenderFactor`.
        case .agentCrash, .powerCut: 400
        case .serverCrash: 50
        case .requestLost, .replyLost, .requestRepeated: 8
        case .requestDelayed: 6
        case .uploadCorrupted, .downloadCorrupted, .downloadBroken: 10
        case .readError, .writeError: 15
        case .syncFailed: 6
        case .notificationLost: 3
        case .rowsFailed: 150
        default: nil
        }
    }
}

extension FaultKind {
    /// How much more often a crash strikes what it leaves half done: a seed has only a few.
    static let tenderFactor = 40

    /// What each end of it changes by as much as its beginning did.
    var isJump: Bool { self == .clockJump || self == .serverClockJump }
    var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// Which faults a seed has, and whether one strikes now.
struct Faults {
    private var random: RandomStream
    /// One for each kind, so that leaving one out changes as little as can be.
    private var streams: [RandomStream]
    private(set) var enabled: [FaultKind]
    /// From the last fault on, the world is kind.
    private(set) var areOver = false
    private var crashesLeft: Int
    /// Power cuts that are kept for the moments after a folder was synced.
    private var cutsAfterSyncLeft = 2
    /// How often each kind has struck so far.
    private var strikeCounts: [Int]
    /// `KIND`, or `KIND#NUMBER` for one strike alone.
    private let omitted: Set<String>

    init(random stream: RandomStream, crashCountMax: Int, without omitted: [String]) {
        random = stream
        self.omitted = Set(omitted)
        strikeCounts = Array(repeating: 0, count: FaultKind.allCases.count)
        crashesLeft = crashCountMax
        enabled = []
        streams = []
        for _ in FaultKind.allCases { streams.append(RandomStream(seed: random.next())) }
        for kind in FaultKind.allCases where random.oneIn(2) { enabled.append(kind) }
        // One seed in eight goes without any: the plain case must work too.
        if random.oneIn(8) { enabled = [] }
        enabled.removeAll { self.omitted.contains($0.rawValue) }
    }

    mutating func end() { areOver = true }

    /// `isTender`: an operation whose interruption leaves something half done; crashes love it.
    mutating func strikes(_ kind: FaultKind, isTender: Bool = false) -> Bool {
        guard !areOver, enabled.contains(kind), let rarity = kind.rarity else { return false }
        switch kind {
        case .agentCrash, .powerCut, .serverCrash:
            guard crashesLeft > 0,
                streams[kind.index].oneIn(
                    isTender ? max(1, rarity / FaultKind.tenderFactor) : rarity)
            else { return false }
            guard isWanted(kind) else { return false }
            crashesLeft -= 1
            return true
        default:
            return streams[kind.index].oneIn(rarity) && isWanted(kind)
        }
    }

    /// A folder was synced, and rows are about to rely on that.
    mutating func cutPowerAfterSync() -> Bool {
        guard !areOver, enabled.contains(.powerCut), cutsAfterSyncLeft > 0,
            streams[FaultKind.powerCut.index].oneIn(4), isWanted(.powerCut)
        else { return false }
        cutsAfterSyncLeft -= 1
        return true
    }

    /// Numbers the strikes, so that shrinking can leave out each alone.
    private mutating func isWanted(_ kind: FaultKind) -> Bool {
        strikeCounts[kind.index] += 1
        return omitted.isEmpty
            || !omitted.contains("\(kind.rawValue)#\(strikeCounts[kind.index])")
    }

    /// Every strike so far, as `without` names it.
    var struck: [String] {
        zip(FaultKind.allCases, strikeCounts).flatMap { kind, count in
            (0..<count).map { "\(kind.rawValue)#\($0 + 1)" }
        }
        .filter { !omitted.contains($0) }
    }

    /// When the faults that last begin and end, within `0 ..< end`.
    mutating func windows(until end: Int64) -> [(kind: FaultKind, from: Int64, until: Int64)] {
        var windows: [(kind: FaultKind, from: Int64, until: Int64)] = []
        for kind in enabled where kind.rarity == nil {
            for _ in 0...streams[kind.index].below(2) {
                let from = streams[kind.index].within(0...max(1, end - 1))
                let length = streams[kind.index].within(500...max(501, end / 3))
                guard isWanted(kind) else { continue }
                windows.append((kind, from, min(end, from + length)))
            }
        }
        return windows
    }

    mutating func below(_ bound: Int) -> Int { random.below(bound) }
    mutating func within(_ range: ClosedRange<Int64>) -> Int64 { random.within(range) }
    mutating func oneIn(_ count: Int) -> Bool { random.oneIn(count) }
    mutating func damage() -> UInt64 { random.next() | 1 }
    mutating func cutPower(_ disk: SimulatedDisk) { disk.cutPower(&random) }
}
