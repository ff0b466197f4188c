/// How often each thing happened: proof that the simulation looks where it should.
package struct Counters: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case fault, interruption, effect, event, transition, reply, act, reason, server
    }

    private var counts: [Kind: [String: Int]] = [:]

    package init() {}

    mutating func add(_ kind: Kind, _ name: String, _ count: Int = 1) {
        counts[kind, default: [:]][name, default: 0] += count
    }

    mutating func add(_ other: Counters) {
        for (kind, names) in other.counts {
            for (name, count) in names { add(kind, name, count) }
        }
    }

    package func count(_ kind: Kind, _ name: String) -> Int { counts[kind]?[name] ?? 0 }

    /// `name count` by kind, in alphabetical order.
    package var lines: [String] {
        Kind.allCases.compactMap { kind in
            guard let names = counts[kind], !names.isEmpty else { return nil }
            let parts = names.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            return "\(kind.rawValue): " + parts.joined(separator: ", ")
        }
    }
}
