import Accounts
import Foundation
import Kernel
import Logging
import Operations
import Records
import Storage
import Synchronization
import TestSupport
import Testing

/// A server that can see what a test wants it to, and a sender that only remembers.
final class AlertWorld: Sendable {
    final class Recorder: AlertSender {
        private let sent = Mutex<[(channel: String, message: AlertMessage)]>([])
        private let failing = Mutex<Set<String>>([])

        func fail(_ channels: Set<String>) { failing.withLock { $0 = channels } }

        func send(
            _ message: AlertMessage, to channel: AlertChannel
        ) async throws(AlertError) {
            guard failing.withLock({ !$0.contains(channel.name) }) else {
                throw AlertError(.unavailable, "It cannot now.")
            }
            sent.withLock { $0.append((channel.name, message)) }
        }

        /// `CHANNEL: PHASE CODE SUBJECT, …` since it was asked last, in an order of its own.
        func take() -> [String] {
            sent.withLock { sent in
                defer { sent = [] }
                return sent.map { channel, message in
                    let items = message.items.map { item in
                        "\(item.phase.rawValue) \(item.code)"
                            + (item.subject.isEmpty ? "" : " \(item.subject)")
                    }
                    return "\(channel): " + items.joined(separator: ", ")
                }.sorted()
            }
        }
    }

    /// The database, as long as it is there.
    struct AwayDatabase: Database {
        let database: any Database
        let isAway: @Sendable () -> Bool

        private func check() throws {
            guard !isAway() else {
                throw StorageError(.unreachable, "Nobody answers at db.example.")
            }
        }

        func read<R: Sendable>(
            _ body: @escaping @Sendable (any Transaction) throws -> R
        ) async throws -> R {
            try check()
            return try await database.read(body)
        }

        func write<R: Sendable>(
            _ body: @escaping @Sendable (any Transaction) throws -> R
        ) async throws -> R {
            try check()
            return try await database.write(body)
        }
    }

    let folder: TemporaryFolder
    let database: any Database
    private let isAway = Mutex(false)
    let clock = TestClock(milliseconds: 1_790_000_000_000)
    let recorder = Recorder()
    let numbers = TestNumbers()
    private let sight = Mutex(AlertLook(sources: ["here"]))
    private let services = Mutex(AlertLook(sources: ["services"]))
    private let lookCount = Mutex(0)

    init() throws {
        folder = try TemporaryFolder()
        database = try TestDatabase.open(
            folder.file("db"),
            migrations: Kernel.migrations + OperationsSchema.migrations
                + OperationsSchema.laterMigrations)
    }

    func watch(sender: (any AlertSender)? = nil) -> AlertWatch {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let (clock, numbers) = (clock, numbers)
        return AlertWatch(
            database: AwayDatabase(database: database) { self.isAway.withLock { $0 } },
            server: "home", sender: sender ?? recorder,
            services: { self.services.withLock { $0 } },
            look: { _ in
                self.lookCount.withLock { $0 += 1 }
                return self.sight.withLock { $0 }
            },
            surroundings: AlertWatch.Surroundings(
                now: clock.read, randomNumber: numbers.next, clock: ContinuousClock()),
            logger: logger)
    }

    func setDatabaseAway(_ away: Bool) { isAway.withLock { $0 = away } }

    var looks: Int { lookCount.withLock { $0 } }

    /// What is seen from now on.
    func see(_ sightings: AlertSighting..., sources: Set<String> = ["here"]) {
        sight.withLock { $0 = AlertLook(sightings: sightings, sources: sources) }
    }

    func see(_ sightings: [AlertSighting]) {
        sight.withLock { $0 = AlertLook(sightings: sightings, sources: ["here"]) }
    }

    func attempts(of channel: String) async throws -> Int {
        try await database.read { transaction in
            try transaction.firstRow(
                "SELECT attempts FROM alertChannel WHERE name = ?", [.text(channel)])?.int(0) ?? 0
        }
    }

    func seeServices(_ sightings: AlertSighting...) {
        services.withLock { $0 = AlertLook(sightings: sightings, sources: ["services"]) }
    }

    static func sighting(
        _ code: String, _ subject: String = "", wait: Int64 = 0, source: String = "here"
    ) -> AlertSighting {
        AlertSighting(
            source: source, code: code, subject: subject, message: "This is \(code).",
            advice: "Mend it.", waitSeconds: wait)
    }

    func add(_ name: String) async throws {
        let channel = try AlertChannel(
            name: name,
            way: .webhook(
                try WebhookWay(
                    address: try AlertURL(parsing: "http://127.0.0.1:1/hook"),
                    secret: Secret("0123456789abcdef"))))
        try await database.write { [clock] transaction in
            try AlertChannels.add(channel, at: clock.read(), in: transaction)
        }
    }

    func channels() async throws -> [AlertChannelState] {
        try await database.read { try AlertChannels.all(in: $0) }
    }

    func count(_ table: String) async throws -> Int {
        try await database.read { try $0.firstRow("SELECT COUNT(*) FROM \(table)")?.int(0) ?? 0 }
    }

    /// Rounds of `watch`, one each `seconds`, for so long.
    func pass(_ seconds: Int64, with watch: AlertWatch, each step: Int64 = 60) async throws {
        var left = seconds
        while left > 0 {
            clock.advance(seconds: min(step, left))
            left -= step
            do {
                try await watch.round()
            } catch let error as StorageError where error.code == .unreachable {
                // As in `run`: the next round tries again.
            }
        }
    }
}
