/// Many seeds, one after the other, and what came of them.
package struct Campaign: Sendable {
    package private(set) var counters = Counters()
    package private(set) var failures: [Simulation.Report] = []
    package private(set) var seedCount = 0
    package private(set) var stepCount = 0
    package private(set) var virtualMilliseconds: Int64 = 0
    /// Of all seeds' digests, in their order.
    package private(set) var digest: UInt64 = 0

    /// Runs `count` seeds from `first` on, and stops at `failuresMax` failures.
    ///
    /// `onEach` hears of each seed.
    package static func run(
        from first: UInt64, count: Int, options: Simulation.Options = .init(),
        failuresMax: Int = .max, onEach: (Simulation.Report) -> Void = { _ in }
    ) throws -> Campaign {
        try Simulation.withDatabase { transaction in
            var campaign = Campaign()
            for offset in 0..<UInt64(count) where campaign.failures.count < failuresMax {
                let report = try Simulation.run(
                    seed: first &+ offset, in: transaction, options: options)
                campaign.add(report)
                onEach(report)
            }
            return campaign
        }
    }

    private mutating func add(_ report: Simulation.Report) {
        seedCount += 1
        stepCount += report.stepCount
        virtualMilliseconds += report.virtualMilliseconds
        digest = RandomStream.mix(digest ^ report.digest)
        counters.add(report.counters)
        if !report.violations.isEmpty { failures.append(report) }
    }
}
