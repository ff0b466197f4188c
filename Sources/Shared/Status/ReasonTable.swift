package import Records

/// Every reason that Martlet knows, once.
///
/// Of reasons that lead to the same state, the one further up is shown first.
package enum ReasonTable {
    package static let rules: [ReasonRule] =
        account + network + server + device + underWay + needSomebody + asTheyAre

    private static let positions = Dictionary(
        uniqueKeysWithValues: rules.enumerated().map { ($1.code, $0) })

    /// `nil` for the code of another version.
    package static func rule(of code: ReasonCode) -> ReasonRule? {
        positions[code].map { rules[$0] }
    }

    /// Higher is shown first: by the state that the reason leads to, then by its place in the
    /// table.
    ///
    /// A code of another version ranks lowest, since its own device has reported the state.
    package static func rank(of code: ReasonCode) -> Int {
        guard let position = positions[code] else { return 0 }
        return rules[position].state.rank * rules.count + rules.count - position
    }

    /// The reasons, that of the highest rank first; of equal ones the older.
    package static func ranked(_ reasons: [Reason]) -> [Reason] {
        guard reasons.count > 1 else { return reasons }
        return reasons.enumerated()
            .sorted { left, right in
                (-rank(of: left.element.code), left.element.since, left.offset)
                    < (-rank(of: right.element.code), right.element.since, right.offset)
            }
            .map(\.element)
    }
}

extension LibraryState {
    /// Its place in the order of ranks; `upToDate` is 0.
    package var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// The state of a library with these reasons: that of the highest rank.
    ///
    /// A cause that should clear by itself and has lasted `Limits.reasonSecondsMax` wants attention.
    /// Codes of other versions change nothing.
    package init(of reasons: some Sequence<Reason>, at now: Timestamp) {
        self = reasons.reduce(.upToDate) { state, reason in
            guard let rule = ReasonTable.rule(of: reason.code) else { return state }
            let lasts = reason.since.adding(seconds: Limits.reasonSecondsMax) <= now
            let own = rule.clearsByItself && !rule.isPatient && lasts ? .attention : rule.state
            return state.rank < own.rank ? own : state
        }
    }
}
