import Records
import Storage

/// Virtual time, chance, and what is scheduled: the ground that all parts of one simulation stand
/// on.
///
/// Nothing in it runs but one step at a time.
final class World {
    /// 2026-11-21T00:00:00Z, where each simulation begins.
    static let wallStart = Timestamp(milliseconds: 1_795_219_200_000)

    let seed: UInt64
    let plantedBug: PlantedBug?
    /// Milliseconds since the start.
    private(set) var now: Int64 = 0
    private(set) var stepCount = 0
    /// Of all steps so far: equal in every process for one seed.
    private(set) var digest: UInt64

    var schedule: RandomStream
    /// How the disks differ.
    var disks: RandomStream
    var faults: Faults
    var counters = Counters()
    private(set) var violations: [String] = []
    private(set) var trace: [String] = []
    /// What users did and what went wrong, in words.
    private(set) var script: [String] = []
    private let isVerbose: Bool
    private let keepsScript: Bool
    private var heap = EventHeap<() -> Void>()
    /// Raised by each use, so that no two changes share a moment.
    private var tick: Int64 = 0

    init(seed: UInt64, crashCountMax: Int, options: Simulation.Options) {
        self.seed = seed
        plantedBug = options.plantedBug
        isVerbose = options.isVerbose
        keepsScript = options.keepsScript
        digest = seed
        schedule = RandomStream(seed: seed, name: "schedule")
        disks = RandomStream(seed: seed, name: "disks")
        faults = Faults(
            random: RandomStream(seed: seed, name: "faults"), crashCountMax: crashCountMax,
            without: options.withoutFaults)
    }

    func wall(skew: Int64 = 0) -> Timestamp { Self.wallStart.adding(milliseconds: now + skew) }

    /// Nanoseconds since 1970, later than every one before.
    func fileTime() -> Int64 {
        tick += 1
        return (Self.wallStart.milliseconds + now) * 1_000_000 + tick % 1_000_000
    }

    func after(_ delay: Int64, _ action: @escaping () -> Void) {
        heap.add(action, at: now + max(0, delay))
    }

    func after(_ delay: ClosedRange<Int64>, _ action: @escaping () -> Void) {
        after(schedule.within(delay), action)
    }

    /// Runs the next thing; `false` when nothing is left, or it lies behind `end`.
    func runNext(until end: Int64) -> Bool {
        guard let time = heap.nextTime, time <= end, let entry = heap.removeFirst() else {
            now = max(now, end)
            return false
        }
        now = entry.time
        entry.element()
        return true
    }

    /// Forgets what is scheduled, which holds on to everything.
    func end() { heap = EventHeap() }

    /// Every step says what it is: it goes into the digest, and into the trace when asked for.
    func step(_ name: StaticString, _ detail: @autoclosure () -> String, mark: UInt64 = 0) {
        stepCount += 1
        var mixed = digest ^ UInt64(bitPattern: now) &* 0x9E37_79B9_7F4A_7C15 ^ mark
        name.withUTF8Buffer { bytes in
            for byte in bytes { mixed = (mixed ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        digest = RandomStream.mix(mixed)
        if isVerbose { trace.append(Self.line("\(now) \(name) \(detail())")) }
    }

    func note(_ text: @autoclosure () -> String) {
        if isVerbose { trace.append(Self.line("\(now)   \(text())")) }
    }

    /// A line of the story that a failing seed tells.
    func tell(_ text: @autoclosure () -> String) {
        if keepsScript { script.append(Self.line("\(now) ms: \(text())")) }
    }

    func fault(_ kind: FaultKind, _ detail: @autoclosure () -> String = "") {
        counters.add(.fault, kind.rawValue)
        step("fault", "\(kind.rawValue) \(detail())", mark: UInt64(kind.index))
        tell("\(kind.rawValue) \(detail())")
    }

    /// On one line, without what every value's description repeats.
    private static func line(_ text: String) -> String {
        var line = text
        for (noise, short) in [
            ("\n", "\\n"), ("SyncEngine.", ""), ("Records.", ""), ("Status.", ""), ("Swift.", ""),
            ("JSONValue.", ""), ("rawValue: ", ""), (String(repeating: "x", count: 251), "xxx…"),
        ] {
            line = line.split(separator: noise, omittingEmptySubsequences: false)
                .joined(separator: short)
        }
        return line
    }

    /// The oracle has found something that must never be.
    func violate(_ rule: String) {
        note("VIOLATION \(rule)")
        violations.append("at \(now) ms: \(rule)")
    }
}
