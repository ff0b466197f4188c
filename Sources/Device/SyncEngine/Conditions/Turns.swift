import Records

/// What items are to the order in which they cross, the most urgent first.
///
/// What people decide (favorites, albums, deletions) needs no turn: it goes with the next commit.
enum TransferClass: Int, Sendable, CaseIterable {
    case preview
    /// A photo or a short video, the newest first.
    case photo
    /// Above `Limits.largeItemByteCountMin`.
    case large

    init(byteCount: Int64) {
        self = byteCount > Limits.largeItemByteCountMin ? .large : .photo
    }
}

/// Gives turns by urgency, and to each class that waits at least one of eight, so that nothing
/// starves.
struct Turns: Sendable {
    private static let turns = 8
    /// Turns of others since each class that waits had its last.
    private var passedOver = Array(repeating: 0, count: TransferClass.allCases.count)

    /// Whose turn it is among those that wait; `nil` when none does.
    func next(among waiting: [TransferClass]) -> TransferClass? {
        let limit = Self.turns - TransferClass.allCases.count + 1
        let starved = waiting.filter { passedOver[$0.rawValue] >= limit }
        if let longest = starved.max(by: { passedOver[$0.rawValue] < passedOver[$1.rawValue] }) {
            return longest
        }
        return waiting.min { $0.rawValue < $1.rawValue }
    }

    /// `chosen` has had its turn while these waited.
    mutating func took(_ chosen: TransferClass, among waiting: [TransferClass]) {
        for other in TransferClass.allCases {
            let isPassedOver = other != chosen && waiting.contains(other)
            passedOver[other.rawValue] = isPassedOver ? passedOver[other.rawValue] + 1 : 0
        }
    }
}
