/// How often each thing happened: proof that the simulation looks where it should.
package struct Counters: Sendable {
    package enum Kind: Int, Sendable, CaseIterable {
        case fault, interruption, effect, event, transition, reply, act, reason, server
    }

    /// By kind and name.
    private var counts: [[String: Int]] = Array(repeating: [:], count: Kind.allCases.count)

    package init() {}

    mutating func add(_ kind: Kind, _ name: String, _ count: Int = 1) {
        counts[kind.rawValue][name, default: 0] += count
    }

    mutating func add(_ other: Counters) {
        for (kind, names) in other.counts.enumerated() {
            counts[kind].merge(names, uniquingKeysWith: +)
        }
    }

    package func count(_ kind: Kind, _ name: String) -> Int { counts[kind.rawValue][name] ?? 0 }

    /// `name count` by kind, in alphabetical order.
    package var lines: [String] {
        Kind.allCases.compactMap { kind in
            let names = counts[kind.rawValue]
            guard !names.isEmpty else { return nil }
            let parts = names.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            return "\(kind): " + parts.joined(separator: ", ")
        }
    }
}

/// Counts of what happens all the time: a few names, each a literal, found by where it lies.
struct Tally {
    private var counts: [(name: StaticString, count: Int)] = []

    mutating func add(_ name: StaticString) {
        for index in counts.indices where counts[index].name.utf8Start == name.utf8Start {
            counts[index].count += 1
            return
        }
        counts.append((name, 1))
    }

    /// Everything counted so far, once.
    mutating func drain() -> [(name: String, count: Int)] {
        defer { counts.removeAll(keepingCapacity: true) }
        return counts.map { ($0.name.description, $0.count) }
    }
}
