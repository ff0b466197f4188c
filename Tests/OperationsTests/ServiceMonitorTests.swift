import Foundation
import Kernel
import Logging
import NIOPosix
import Operations
import Records
import Status
import Storage
import Synchronization
import TestSupport
import Testing

/// A server's measure of itself, with a clock that only moves when told.
@Suite struct ServiceMonitorTests {
    private let folder: TemporaryFolder
    private let database: any Database
    private let clock = TestClock(milliseconds: 1_790_000_000_000)
    private let numbers = TestNumbers()

    init() throws {
        folder = try TemporaryFolder()
        database = try TestDatabase.open(
            folder.file("db"),
            migrations: Kernel.migrations + OperationsSchema.migrations
                + OperationsSchema.laterMigrations)
    }

    private func monitor(store: (any ObjectStore)? = nil) throws -> ServiceMonitor {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let clock = clock
        return ServiceMonitor(
            database: database,
            store: try store
                ?? DirectoryObjectStore(path: folder.file("blobs"), randomNumber: numbers.next),
            surroundings: ServiceMonitor.Surroundings(
                now: clock.read, monotonicMilliseconds: { clock.read().milliseconds },
                clock: ContinuousClock(), randomBytes: numbers.bytes), logger: logger)
    }

    private func health(
        _ monitor: ServiceMonitor, _ service: MonitoredService
    ) -> ServiceHealth? {
        monitor.status().services.first { $0.service == service }?.health
    }

    @Test func `probes of a good disk leave nothing behind`() async throws {
        let monitor = try monitor()
        await monitor.look()
        for _ in 0..<3 { await monitor.probe() }
        let status = monitor.status()
        #expect(status.services.map(\.health) == [.available, .available])
        #expect(status.services.allSatisfy { $0.percentile == 0 })
        #expect(status.troubled.isEmpty)
        let left = try FileManager.default.subpathsOfDirectory(atPath: folder.file("blobs"))
        #expect(left.sorted() == ["objects", "staging"])
    }

    @Test func `slow answers degrade their service until they are five minutes old`() async throws {
        let monitor = try monitor()
        await monitor.look()
        for _ in 0..<20 { monitor.answered(.accounts, milliseconds: 2_500, failed: false) }
        clock.advance(seconds: 10)
        let slow = monitor.status()
        #expect(slow.troubled.map(\.service) == [.accounts])
        #expect(slow.troubled.first?.since == clock.read())
        #expect(slow.troubled.first?.percentile.map { (2_500...2_813).contains($0) } == true)
        clock.advance(seconds: 200)
        #expect(health(monitor, .accounts) == .degraded)
        clock.advance(seconds: 100)
        #expect(health(monitor, .accounts) == .available)
    }

    @Test func `a store that fails is an outage until a probe gets through`() async throws {
        let base = try DirectoryObjectStore(
            path: folder.file("blobs"), randomNumber: numbers.next)
        let monitor = try monitor(store: base)
        await monitor.look()
        let staging = folder.file("blobs/staging")
        try FileManager.default.removeItem(atPath: staging)
        await monitor.probe()
        #expect(health(monitor, .photos) == .available)
        await monitor.probe()
        #expect(health(monitor, .photos) == .outage)
        #expect(health(monitor, .accounts) == .available)
        try FileManager.default.createDirectory(
            atPath: staging, withIntermediateDirectories: false)
        await monitor.probe()
        #expect(health(monitor, .photos) == .available)
    }

    @Test func `the history outlives the server`() async throws {
        let first = try monitor()
        await first.look()
        for _ in 0..<20 { first.answered(.photos, milliseconds: 5_000, failed: false) }
        let begin = clock.read()
        for _ in 0..<10 {
            clock.advance(seconds: 2)
            await first.look()
        }
        try await first.save()
        clock.advance(seconds: 3_600)
        let second = try monitor()
        await second.look()
        let photos = try #require(second.status().services.last)
        #expect(photos.service == .photos)
        #expect(photos.changes.map(\.health) == [.available, .degraded, .available])
        #expect(photos.changes.first?.at == begin)
        #expect(photos.days.count == 1)
        #expect(photos.days.first?.milliseconds[.degraded] == 18_000)
        #expect(photos.days.first?.latencies.count == 20)
        try await second.save()
        let rows = try await database.read { transaction in
            try transaction.rows("SELECT COUNT(*) FROM serviceChange").first?.integer(0)
        }
        #expect(rows == 4)
    }

    @Test func `maintenance is in force from its row until its end`() async throws {
        let monitor = try monitor()
        await monitor.look()
        #expect(monitor.maintenance == nil)
        let begin = clock.read()
        let maintenance = Maintenance(
            since: begin, until: begin.adding(seconds: 600), message: "A new disk")
        try await database.write { try maintenance.begin(in: $0) }
        await monitor.look()
        #expect(monitor.maintenance == maintenance)
        #expect(monitor.status().services.map(\.health) == [.maintenance, .maintenance])
        #expect(monitor.status().troubled.isEmpty)
        // Said anew, it is so since it began.
        clock.advance(seconds: 60)
        let longer = Maintenance(
            since: clock.read(), until: begin.adding(seconds: 700), message: nil)
        try await database.write { try longer.begin(in: $0) }
        await monitor.look()
        #expect(monitor.maintenance?.since == begin)
        #expect(monitor.maintenance?.message == nil)
        clock.advance(seconds: 640)
        #expect(monitor.maintenance == nil)
        #expect(monitor.status().services.map(\.health) == [.available, .available])
        let now = clock.read()
        let was = try await database.write { try Maintenance.end(at: now, in: $0) }
        #expect(!was)
    }
}
