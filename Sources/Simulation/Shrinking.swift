package import Storage

extension Simulation {
    /// No more runs than this for one seed.
    private static let runsMax = 600

    /// A run with few faults and acts that still breaks a rule, and the script of it; not always
    /// the same rule.
    ///
    /// Leaves out kinds of faults, then single strikes, then single acts, each in ever smaller
    /// groups, until nothing more can go. `nil` when the seed breaks no rule.
    package static func shrink(
        seed: UInt64, in transaction: SQLiteTransaction, options: Options
    ) throws -> Report? {
        var best = try run(seed: seed, in: transaction, options: options)
        guard !best.violations.isEmpty else { return nil }
        var runCount = 0
        func holds(_ change: (inout Options) -> Void) throws -> Bool {
            guard runCount < runsMax else { return false }
            runCount += 1
            var options = best.options
            change(&options)
            let report = try run(seed: seed, in: transaction, options: options)
            if !report.violations.isEmpty { best = report }
            return !report.violations.isEmpty
        }
        func leaveOut(
            _ candidates: (Report) -> [String], _ list: WritableKeyPath<Options, [String]>
        ) throws {
            var size = max(1, candidates(best).count / 2)
            while true {
                var index = 0
                while index < candidates(best).count {
                    let group = Array(candidates(best)[index...].prefix(size))
                    if try !holds({ $0[keyPath: list] += group }) { index += size }
                }
                guard size > 1 else { return }
                size /= 2
            }
        }
        try leaveOut(\.faultsEnabled, \.withoutFaults)
        var before = 0
        repeat {
            before = best.acts.count + best.strikes.count
            try leaveOut(\.acts, \.withoutActs)
            try leaveOut(\.strikes, \.withoutFaults)
        } while best.acts.count + best.strikes.count < before && runCount < runsMax
        runCount = 0
        _ = try holds { $0.keepsScript = true }
        return best
    }

    /// The command line that repeats a report's run.
    package static func command(repeating report: Report) -> String {
        var parts = ["script/simulate --from \(report.seed) --seeds 1 --verbose"]
        let options = report.options
        if options.actsPerUserMax < .max { parts.append("--acts \(options.actsPerUserMax)") }
        if !options.withoutActs.isEmpty {
            parts.append("--without-acts \(options.withoutActs.joined(separator: ","))")
        }
        if !options.withoutFaults.isEmpty {
            parts.append("--without \(options.withoutFaults.joined(separator: ","))")
        }
        if let bug = options.plantedBug { parts.append("--plant \(bug.rawValue)") }
        return parts.joined(separator: " ")
    }
}
