import Kernel
package import Logging
package import Records
import Status
package import Storage
import Synchronization

/// Measures the server's services: by the requests that it answers and by probes of its own.
///
/// - What it says is decided by `HealthRule` from measurements, whenever it is asked: no flag is left
///   behind.
/// - It answers from memory, so that the status page works when the database does not; the rows are
///   its history.
/// - A measurement costs a lock and a few additions.
package final class ServiceMonitor: Sendable {
    package struct Surroundings: Sendable {
        package let now: @Sendable () -> Timestamp
        package let monotonicMilliseconds: @Sendable () -> Int64
        package let clock: any Clock<Duration>
        package let randomBytes: @Sendable (Int) -> [UInt8]
        /// What MARTLET_SERVER_CONDITIONS names.
        package let conditionsFile: String?

        package init(
            now: @escaping @Sendable () -> Timestamp,
            monotonicMilliseconds: @escaping @Sendable () -> Int64, clock: any Clock<Duration>,
            randomBytes: @escaping @Sendable (Int) -> [UInt8], conditionsFile: String? = nil
        ) {
            self.now = now
            self.monotonicMilliseconds = monotonicMilliseconds
            self.clock = clock
            self.randomBytes = randomBytes
            self.conditionsFile = conditionsFile
        }
    }

    private struct Measured: Sendable {
        var window = MeasurementWindow(milliseconds: Limits.windowMilliseconds)
        var history = HealthHistory()
        var failedProbes = 0
        /// Of a probe that is under way.
        var probedAt: Int64?
    }

    private struct State: Sendable {
        var services: [MonitoredService: Measured] = [:]
        var maintenance: Maintenance?
        var scrub: ScrubState?
        var backups = SystemStatus.Backups()
        var conditions = ServerConditions()
        var isRestored = false
    }

    private let database: any Database
    private let store: any ObjectStore
    private let surroundings: Surroundings
    private let logger: Logger
    private let state: Mutex<State>

    package init(
        database: any Database, store: any ObjectStore, surroundings: Surroundings, logger: Logger
    ) {
        self.database = database
        self.store = store
        self.surroundings = surroundings
        self.logger = logger
        var state = State()
        for service in MonitoredService.allCases { state.services[service] = Measured() }
        self.state = Mutex(state)
    }

    package func now() -> Timestamp { surroundings.now() }

    // MARK: - Measuring

    /// The service has answered, or failed to.
    package func answered(_ service: MonitoredService, milliseconds: Int64, failed: Bool) {
        let (now, monotonic) = (surroundings.now(), surroundings.monotonicMilliseconds())
        state.withLock { state in
            state.services[service]?.window.add(
                latency: failed ? nil : milliseconds, at: monotonic)
            if !failed { state.services[service]?.history.add(latency: milliseconds, at: now) }
        }
    }

    /// For tests: waits as long as MARTLET_SERVER_CONDITIONS says.
    package func delay(_ service: MonitoredService) async throws {
        guard let delay = state.withLock({ $0.conditions.delay(of: service) }) else { return }
        try await surroundings.clock.sleep(for: delay)
    }

    /// Probes each service now and then, until its task is cancelled.
    package func probeForever() async throws {
        while true {
            await probe()
            try await surroundings.clock.sleep(for: .seconds(Limits.probeSeconds))
        }
    }

    /// Each service once.
    package func probe() async {
        await probe(.accounts) { [self] in
            _ = try await database.read { try Maintenance.read(in: $0) }
            try await save()
        }
        await probe(.photos) { [self] in
            try await store.probe(surroundings.randomBytes(Limits.probeByteCount))
        }
    }

    private func probe(
        _ service: MonitoredService, _ body: @escaping @Sendable () async throws -> Void
    ) async {
        let begin = surroundings.monotonicMilliseconds()
        state.withLock { $0.services[service]?.probedAt = begin }
        var isFailed = false
        do {
            try await delay(service)
            try await body()
        } catch is CancellationError {
            return
        } catch {
            isFailed = true
            logger.error("A probe of \(service) failed", metadata: ["error": "\(error)"])
        }
        let milliseconds = surroundings.monotonicMilliseconds() - begin
        if milliseconds > Limits.probeMillisecondsMax { isFailed = true }
        answered(service, milliseconds: milliseconds, failed: isFailed)
        state.withLock { [isFailed] state in
            let before = state.services[service]?.failedProbes ?? 0
            state.services[service]?.failedProbes = isFailed ? before + 1 : 0
            state.services[service]?.probedAt = nil
        }
    }

    // MARK: - Looking

    /// Reads what others may have changed and looks at each service every other second, until its
    /// task is cancelled.
    package func run() async throws {
        while true {
            await look()
            try await surroundings.clock.sleep(for: .seconds(Limits.healthSeconds))
        }
    }

    package func look() async {
        do {
            try await restore()
            let (maintenance, scrub, backups) = try await database.read { transaction in
                (
                    try Maintenance.read(in: transaction), try ScrubState.read(in: transaction),
                    SystemStatus.Backups(
                        madeAt: try LastBackup.madeAt(in: transaction),
                        schedule: try BackupSchedule.read(in: transaction),
                        proof: try LastProof.read(in: transaction))
                )
            }
            state.withLock {
                ($0.maintenance, $0.scrub, $0.backups) = (maintenance, scrub, backups)
            }
        } catch {
            logger.error("The maintenance cannot be read", metadata: ["error": "\(error)"])
        }
        if let path = surroundings.conditionsFile { take(ServerConditions.read(path)) }
        let changed = state.withLock { state in
            see(&state)
        }
        for (service, health) in changed {
            logger.notice("\(service.title): \(health.rawValue)")
        }
    }

    private func take(_ conditions: ServerConditions) {
        state.withLock { state in
            if state.conditions.windowMilliseconds != conditions.windowMilliseconds {
                let length = conditions.windowMilliseconds ?? Limits.windowMilliseconds
                for service in MonitoredService.allCases {
                    state.services[service]?.window = MeasurementWindow(milliseconds: length)
                }
            }
            state.conditions = conditions
        }
    }

    /// What is in force now.
    package var maintenance: Maintenance? {
        let now = surroundings.now()
        return state.withLock { $0.maintenance }.flatMap { $0.isInForce(at: now) ? $0 : nil }
    }

    /// As of now.
    package func status() -> SystemStatus {
        let (now, maintenance) = (surroundings.now(), maintenance)
        let monotonic = surroundings.monotonicMilliseconds()
        let services = state.withLock { state in
            _ = see(&state)
            return MonitoredService.allCases.compactMap { service -> SystemStatus.Service? in
                guard var measured = state.services[service],
                    let last = measured.history.changes.last
                else { return nil }
                return SystemStatus.Service(
                    service: service, health: last.health, since: last.at,
                    percentile: measured.window.measured(at: monotonic).0.percentile(95),
                    median: measured.history.median(at: now),
                    days: measured.history.days.values.sorted { $0.day < $1.day },
                    changes: measured.history.changes)
            }
        }
        return SystemStatus(
            time: now, maintenance: maintenance, services: services,
            scrub: state.withLock { $0.scrub }, backups: state.withLock { $0.backups })
    }

    /// Returns those whose health is another than before.
    private func see(_ state: inout State) -> [(MonitoredService, ServiceHealth)] {
        let (now, monotonic) = (surroundings.now(), surroundings.monotonicMilliseconds())
        var changed: [(MonitoredService, ServiceHealth)] = []
        for service in MonitoredService.allCases {
            guard var measured = state.services[service] else { continue }
            var evidence = HealthEvidence()
            (evidence.latencies, evidence.failedCount) = measured.window.measured(at: monotonic)
            evidence.failedProbes = measured.failedProbes
            if let probedAt = measured.probedAt,
                monotonic - probedAt > Limits.probeMillisecondsMax
            {
                evidence.failedProbes = max(evidence.failedProbes, Limits.failedProbesMin)
            }
            evidence.median = measured.history.median(at: now)
            evidence.isUnderMaintenance = state.maintenance?.isInForce(at: now) ?? false
            let health = HealthRule.health(evidence)
            let isNews = measured.history.health != nil
            if measured.history.see(health, at: now), isNews { changed.append((service, health)) }
            state.services[service] = measured
        }
        return changed
    }

    // MARK: - Rows

    /// The history that an earlier process kept, once.
    private func restore() async throws {
        guard state.withLock({ !$0.isRestored }) else { return }
        let histories = try await database.read { transaction in
            var histories: [MonitoredService: HealthHistory] = [:]
            for service in MonitoredService.allCases {
                histories[service] = try HealthRows.read(service, in: transaction)
            }
            return histories
        }
        state.withLock { state in
            for (service, history) in histories {
                // What was seen meanwhile is a moment's.
                state.services[service]?.history = history
            }
            state.isRestored = true
        }
    }

    /// Keeps the history; also when the server stops.
    package func save() async throws {
        let now = surroundings.now()
        let histories = state.withLock { state in
            state.isRestored ? state.services.mapValues(\.history) : [:]
        }
        try await database.write { transaction in
            for service in MonitoredService.allCases {
                guard let history = histories[service] else { continue }
                try HealthRows.write(history, of: service, at: now, in: transaction)
            }
        }
    }
}
