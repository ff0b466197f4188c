import Kernel
import Records
package import Storage
import SyncEngine

/// The production engine and the production kernel, run together in one thread from a seed: some
/// devices, a server, users, and everything that can go wrong, in virtual time.
package struct Simulation {
    package struct Report: Sendable {
        package let seed: UInt64
        package let options: Options
        package let faultsEnabled: [String]
        package let actsPerUser: Int
        /// Equal for equal seeds, in every process.
        package let digest: UInt64
        package let stepCount: Int
        package let virtualMilliseconds: Int64
        package let counters: Counters
        /// What the oracle found; empty when all is well.
        package let violations: [String]
        /// Each act and each strike of a fault, as `withoutActs` and `withoutFaults` name them.
        package let acts: [String]
        package let strikes: [String]
        /// With `keepsScript`: what users did and what went wrong, in words.
        package let script: [String]
        /// With `isVerbose`: every step, in order.
        package let trace: [String]
    }

    /// What differs from the plain seed.
    package struct Options: Sendable {
        package var plantedBug: PlantedBug?
        package var isVerbose = false
        package var keepsScript = false
        /// Kinds of faults that never strike, by name; `KIND#NUMBER`: not that one time.
        package var withoutFaults: [String] = []
        /// No more acts of each user than this.
        package var actsPerUserMax = Int.max
        /// `DEVICE.NUMBER`: acts that are not done.
        package var withoutActs: [String] = []

        package init() {}
    }

    package static let faultNames = FaultKind.allCases.map(\.rawValue)
    package static let stepsMax = 200_000
    private static let millisecondsToConverge: Int64 = 86_400_000

    private let world: World
    private let server: SimulatedServer
    private let network: SimulatedNetwork
    private let oracle: Oracle
    private let devices: [SimulatedDevice]
    private let users: [SimulatedUser]
    private let size: Size
    private let actsPerUser: Int
    private let options: Options
    private let hasTwoProtocols: Bool
    private var actsOfTomorrow: [String] = []

    /// How much happens.
    private struct Size {
        let deviceCount: Int
        let actCount: Int
        /// While users act and faults strike.
        let duration: Int64

        init(_ random: inout RandomStream) {
            switch random.weighted([80, 18, 2]) {
            case 0:
                deviceCount = 2
                actCount = random.below(8) + 1
                duration = random.within(2_000...120_000)
            case 1:
                deviceCount = random.below(3) + 2
                actCount = random.below(25) + 8
                duration = random.within(20_000...900_000)
            default:
                deviceCount = random.below(3) + 3
                actCount = random.below(90) + 40
                // Hours are most of all steps: what takes so long has time in a few.
                duration = random.within(60_000...(random.oneIn(4) ? 7_200_000 : 1_800_000))
            }
        }
    }

    /// Runs one seed from its beginning to its end.
    ///
    /// All that it does in the database is undone.
    package static func run(
        seed: UInt64, in transaction: SQLiteTransaction, options: Options = Options()
    ) throws -> Report {
        try transaction.execute("BEGIN")
        defer { _ = try? transaction.execute("ROLLBACK") }
        var simulation = try Simulation(seed: seed, transaction: transaction, options: options)
        defer { simulation.end() }
        return simulation.run()
    }

    /// Hands out a database for any number of seeds, one after the other.
    package static func withDatabase<R>(_ body: (SQLiteTransaction) throws -> R) throws -> R {
        try SQLiteScratch.run(migrations: Kernel.migrations, body)
    }

    private init(seed: UInt64, transaction: SQLiteTransaction, options: Options) throws {
        var random = RandomStream(seed: seed, name: "size")
        size = Size(&random)
        self.options = options
        world = World(
            seed: seed, crashCountMax: 3 + size.actCount / 6, options: options)
        actsPerUser = min(size.actCount / size.deviceCount + 1, options.actsPerUserMax)
        oracle = Oracle(world: world)
        server = try SimulatedServer(world: world, oracle: oracle, transaction: transaction)
        network = SimulatedNetwork(world: world, server: server)
        server.network = network
        oracle.server = server
        var devices: [SimulatedDevice] = []
        var protocols = RandomStream(seed: seed, name: "protocols")
        let spoken = SimulatedServer.protocols
        var memories = RandomStream(seed: seed, name: "memories")
        let memory = memories.oneIn(4) ? memories.within(1_000...600_000) : nil
        hasTwoProtocols = protocols.oneIn(5)
        for index in 0..<size.deviceCount {
            let isNew = hasTwoProtocols && protocols.oneIn(2)
            devices.append(
                SimulatedDevice(
                    index: index, world: world, network: network, oracle: oracle,
                    settings: Self.settings(
                        of: index, server, optimizes: index > 0 && random.oneIn(3)),
                    sourceCount: random.below(3), runsOnce: random.oneIn(6),
                    protocolNumber: isNew ? spoken.upperBound : spoken.lowerBound,
                    remembersEarlierMilliseconds: memory))
        }
        self.devices = devices
        oracle.devices = devices
        let pool = ContentPool()
        let omitted = Set(options.withoutActs)
        users = devices.map { SimulatedUser(device: $0, pool: pool, without: omitted) }
    }

    /// Lets go of what holds itself.
    private func end() {
        world.end()
        oracle.devices = []
        network.end()
    }

    private static func settings(
        of index: Int, _ server: SimulatedServer, optimizes: Bool
    ) -> DeviceSettings {
        DeviceSettings(
            account: server.account, device: DeviceID(high: 2, low: UInt64(index) + 1),
            deviceName: "device \(index)", zone: server.zone.id, idKey: server.zone.idKey,
            library: LibraryID(high: 3, low: UInt64(index) + 1), markGeneration: 1,
            optimizesStorage: optimizes)
    }

    // MARK: Running

    private mutating func run() -> Report {
        let faultsEnabled = world.faults.enabled.map(\.rawValue)
        for (device, user) in zip(devices, users) {
            world.after(0...2_000) { device.start() }
            user.act(actsPerUser, within: size.duration)
            writeBack(device)
            look(at: device)
        }
        scheduleLastingFaults()
        if hasTwoProtocols {
            actsOfTomorrow = server.writeFromTomorrow(
                1 + size.actCount / 3, within: size.duration,
                RandomStream(seed: world.seed, name: "tomorrow"),
                without: Set(options.withoutActs))
        }
        while world.violations.isEmpty, world.runNext(until: size.duration) {}
        endFaults()
        if world.violations.isEmpty { converge() }
        for device in devices { device.countAll() }
        return Report(
            seed: world.seed, options: options, faultsEnabled: faultsEnabled,
            actsPerUser: actsPerUser, digest: world.digest, stepCount: world.stepCount,
            virtualMilliseconds: world.now, counters: world.counters,
            violations: world.violations, acts: users.flatMap(\.acts) + actsOfTomorrow,
            strikes: world.faults.struck, script: world.script, trace: world.trace)
    }

    /// The system writes what lies around, about every 30 s.
    private func writeBack(_ device: SimulatedDevice) {
        world.after(15_000...45_000) { [self] in
            for disk in device.disks { disk.syncAll() }
            device.rows.syncAll()
            writeBack(device)
        }
    }

    /// Somebody asks for the status now and then.
    private func look(at device: SimulatedDevice) {
        world.after(1_000...20_000) { [self] in
            oracle.checkStatus(device)
            if !world.faults.areOver { look(at: device) }
        }
    }

    private func scheduleLastingFaults() {
        for (kind, from, until) in world.faults.windows(until: size.duration) {
            let device = devices[world.faults.below(devices.count)]
            world.after(from) { [self] in
                guard !world.faults.areOver else { return }
                world.fault(kind, device.name)
                set(kind, true, device)
            }
            world.after(until) { [self] in
                world.tell("\(kind.rawValue) of \(device.name) ends")
                set(kind, false, device)
            }
        }
    }

    private func set(_ kind: FaultKind, _ isOn: Bool, _ device: SimulatedDevice) {
        switch kind {
        case .offline: network.set(isOn, noRouteOf: device)
        case .serverBusy: server.isBusy = isOn
        case .serverStorageFull: server.isFull = isOn
        case .signInExpired:
            server.refusesSignIn = isOn
            // Signing in again starts the agent's retries.
            if !isOn { devices.forEach { $0.tell(.command(.retryNow), kind: "command") } }
        case .diskFull: device.disks[0].isFull = isOn
        case .diskReadOnly: device.disks[0].isReadOnly = isOn
        case .diskFailing:
            let root = RootID(rawValue: Int64(device.disks.count - 1))
            if isOn { device.failingDisks = [root] } else { device.failingDisks = [] }
        case .volumeMissing: device.disks[0].isMissing = isOn
        case .sourceMissing:
            for source in device.disks.dropFirst() { source.isMissing = isOn }
            if !isOn { device.sourcesCameAt = world.wall() }
        case .serverRestored:
            if isOn { server.takeSnapshot() } else { server.restoreSnapshot() }
        case .clockJump:
            device.clockSkew += isOn ? 7_200_000 : -7_200_000
        case .serverClockJump:
            server.clockSkew += isOn ? -7_200_000 : 7_200_000
        case .paused: device.pause(isOn)
        case .photosOff: device.switchPhotos(on: !isOn)
        case .noRoute, .captivePortal, .lowPower, .lowBattery, .metered:
            device.set(kind, isOn)
        default: preconditionFailure("\(kind.rawValue) does not last.")
        }
    }

    private func endFaults() {
        world.faults.end()
        world.step("faultsEnd", "")
        world.tell("no more faults")
        for kind in FaultKind.allCases where kind.rarity == nil && !kind.isJump {
            for device in devices { set(kind, false, device) }
        }
    }

    // MARK: The end

    /// From the last fault on, everything becomes equal within 24 hours, and stays so.
    private func converge() {
        let start = world.now
        var wait: Int64 = 15_000
        var differences: [String] = []
        repeat {
            let end = world.now + wait
            while world.runNext(until: end) {
                guard world.stepCount < Self.stepsMax else {
                    return world.violate(
                        "(7) no rest: \(oracle.differences(devices, server).prefix(3))")
                }
                guard world.violations.isEmpty else { return }
            }
            for device in devices { device.answerQuestions() }
            differences = oracle.differences(devices, server)
            guard world.violations.isEmpty else { return }
            wait *= 2
        } while !differences.isEmpty && world.now - start < Self.millisecondsToConverge
        for difference in differences.prefix(5) { world.violate("(7) \(difference)") }
        if differences.isEmpty { stayEqual() }
    }

    /// Past the next full comparison all is still well; and devices that are started again have
    /// nothing to do.
    ///
    /// With `--once` two requests each; one that keeps running reads the feed once, and reports its
    /// state as it changes.
    private func stayEqual() {
        let end = world.now + (Limits.fullComparisonSeconds + 60) * 1_000
        while world.violations.isEmpty, world.runNext(until: end) {}
        var differences = oracle.differences(devices, server)
        // A comparison may be under way just now, or have found what somebody is asked about; and
        // each device compares at a time of its own.
        for _ in devices where !differences.isEmpty && world.violations.isEmpty {
            for device in devices { device.answerQuestions() }
            let rest = world.now + 30_000
            while world.violations.isEmpty, world.runNext(until: rest) {}
            differences = oracle.differences(devices, server)
        }
        for difference in differences.prefix(5) { world.violate("(7) later again: \(difference)") }
        for device in devices {
            device.endProcess()
            device.start()
        }
        let epoch = world.counters.count(.server, "newEpoch")
        let pause = world.now + 4_000
        while world.violations.isEmpty, world.runNext(until: pause) {}
        // A server that was put back to as many commits as it had shows it to who reads the feed.
        let hadNothingToDo = world.counters.count(.server, "newEpoch") == epoch
        for device in devices where hadNothingToDo {
            let count = device.requestCount - (device.runsOnce ? 0 : device.reportCount)
            guard count > (device.runsOnce ? 2 : 1) else { continue }
            world.violate("\(device.name) had nothing to do and sent \(count) requests.")
        }
        for device in devices {
            oracle.checkStatus(device)
            oracle.checkLeftovers(device)
        }
    }
}
