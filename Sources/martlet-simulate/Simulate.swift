import Simulation

/// `martlet-simulate --from N --seeds M`: runs seeds and says how to repeat those that failed.
@main struct Simulate {
    static func main() throws {
        guard let arguments = Arguments(CommandLine.arguments.dropFirst()) else {
            print(Arguments.usage)
            exitProcess(64)
        }
        let started = ContinuousClock.now
        let campaign = try Campaign.run(
            from: arguments.from, count: arguments.seedCount, options: arguments.options,
            failuresMax: arguments.failuresMax, onEach: say)
        if arguments.shrinks {
            for failure in campaign.failures { try shrink(failure) }
        }
        campaign.counters.lines.forEach { print($0) }
        sayEnd(of: campaign, from: arguments.from, after: started.duration(to: .now))
        let missing = arguments.checksCoverage ? campaign.counters.missing : []
        missing.forEach { print("NEVER HAPPENED: \($0)") }
        exitProcess(campaign.failures.isEmpty && missing.isEmpty ? 0 : 1)
    }

    private static func say(_ report: Simulation.Report) {
        report.trace.forEach { print($0) }
        guard !report.violations.isEmpty else { return }
        print("seed \(report.seed) FAILED, step \(report.stepCount):")
        report.violations.forEach { print("  \($0)") }
        print("  to repeat: \(Simulation.command(repeating: report))")
    }

    private static func shrink(_ failure: Simulation.Report) throws {
        let least = try Simulation.withDatabase { transaction in
            var options = failure.options
            options.isVerbose = false
            return try Simulation.shrink(seed: failure.seed, in: transaction, options: options)
        }
        guard let least else { return }
        print("seed \(failure.seed) shrunk:")
        least.violations.forEach { print("  \($0)") }
        print("  what happens, of \(failure.acts.count) acts and \(failure.strikes.count) faults:")
        least.script.forEach { print("    \($0)") }
        print("  to repeat: \(Simulation.command(repeating: least))")
    }

    private static func sayEnd(of campaign: Campaign, from: UInt64, after elapsed: Duration) {
        let tenths =
            elapsed.components.seconds * 10
            + elapsed.components.attoseconds / 100_000_000_000_000_000
        print(
            """
            \(campaign.seedCount) seeds from \(from), \(campaign.failures.count) failed, \
            \(campaign.stepCount) steps, \(campaign.virtualMilliseconds / 3_600_000) h of virtual \
            time in \(tenths / 10).\(tenths % 10) s, digest \(String(campaign.digest, radix: 16))
            """)
    }
}
