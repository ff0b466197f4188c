/// How the last requests ended: evidence for a network that is there and breaks.
struct RecentRequests: Sendable {
    static let countMax = 20

    /// Whether each broke, the oldest first.
    private var broke: [Bool] = []

    var brokenCount: Int { broke.count { $0 } }
    var isUnstable: Bool { brokenCount * 3 > Self.countMax }

    mutating func note(broke isBroken: Bool) {
        broke.append(isBroken)
        if broke.count > Self.countMax { broke.removeFirst() }
    }

    /// The network is another one.
    mutating func forget() { broke = [] }
}
