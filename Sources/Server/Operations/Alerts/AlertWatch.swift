package import Logging
package import Records
package import Storage

/// Sends one message.
package protocol AlertSender: Sendable {
    /// Returns once the other side has taken it, or throws within `Limits.alertSendSecondsMax`.
    ///
    /// What was taken may be sent again after a crash, under the same id.
    func send(_ message: AlertMessage, to channel: AlertChannel) async throws(AlertError)
}

/// Tells the owner of what needs attention, on each channel that was set up.
///
/// - One alert for a cause until it ends, then one that it is over. What was told to whom is rows, so
///   that no restart tells it twice or forgets it.
/// - A channel that fails is tried again after a pause that doubles; the others don't wait for it.
/// - On one channel there are ten minutes from one message to the next.
/// - Of several servers one has the turn.
/// - That the database does not answer, which holds all this, is told from memory.
package struct AlertWatch: Sendable {
    package struct Surroundings: Sendable {
        package let now: @Sendable () -> Timestamp
        package let randomNumber: @Sendable () -> UInt64
        package let clock: any Clock<Duration>

        package init(
            now: @escaping @Sendable () -> Timestamp,
            randomNumber: @escaping @Sendable () -> UInt64, clock: any Clock<Duration>
        ) {
            self.now = now
            self.randomNumber = randomNumber
            self.clock = clock
        }
    }

    /// Looks at everything, given after how many days a device is silent.
    package typealias Looking = @Sendable (Int64?) async throws -> AlertLook

    private let database: any Database
    private let server: String
    private let sender: any AlertSender
    private let services: @Sendable () -> AlertLook
    private let look: Looking
    private let surroundings: Surroundings
    private let logger: Logger
    private let lease: UInt64
    private let databaseAlert: DatabaseAlert

    /// - Parameters:
    ///   - server: How people know it.
    ///   - services: What this server knows of itself, from memory.
    ///   - look: What one looks at for all.
    package init(
        database: any Database, server: String, sender: any AlertSender,
        services: @escaping @Sendable () -> AlertLook, look: @escaping Looking,
        surroundings: Surroundings, logger: Logger
    ) {
        self.database = database
        self.server = server
        self.sender = sender
        self.services = services
        self.look = look
        self.surroundings = surroundings
        self.logger = logger
        lease = surroundings.randomNumber()
        databaseAlert = DatabaseAlert(server: server, sender: sender, logger: logger)
    }

    /// Until its task is cancelled.
    package func run() async throws {
        while true {
            do {
                try await surroundings.clock.sleep(for: .seconds(Limits.alertPollSeconds))
            } catch {
                try? await database.write { [lease] in try AlertTurn.leave(lease, in: $0) }
                throw error
            }
            do {
                try await round()
            } catch let error as CancellationError {
                throw error
            } catch {
                logger.warning("Alerts cannot be looked at", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Looks and tells, when it is time for either.
    package func round() async throws {
        guard let (isOurs, silentDays) = try await beginOrTell() else { return }
        let services = services()
        if isOurs {
            let all = try await look(silentDays)
            try await see(all)
        }
        try await see(services)
        // A look may have taken longer than a turn.
        let isStillOurs = try await database.write { [surroundings, lease] transaction in
            try AlertTurn.take(lease, at: surroundings.now(), in: transaction)
        }
        if isStillOurs { try await tell() }
    }

    private typealias Beginning = (isOurs: Bool, silentDays: Int64?)

    private func beginOrTell() async throws -> Beginning? {
        do {
            let (beginning, channels) = try await begin()
            await databaseAlert.answered(channels, at: surroundings.now())
            return beginning
        } catch let error as CancellationError {
            throw error
        } catch {
            await databaseAlert.failed(error, at: surroundings.now())
            throw error
        }
    }

    /// Returns whether to look at everything, `nil` when there is nothing to do at all; and the
    /// channels.
    private func begin() async throws -> (Beginning?, [AlertChannel]) {
        let now = surroundings.now()
        let lease = lease
        let services = services()
        return try await database.write { transaction in
            let channels = try AlertChannels.all(in: transaction).compactMap(\.channel)
            guard try AlertTurn.take(lease, at: now, in: transaction) else {
                // What this server alone sees is told by another.
                try Alerts.see(AlertLook(sightings: services.sightings), at: now, in: transaction)
                return (nil, channels)
            }
            let beginning = (
                isOurs: try AlertTurn.beginLook(at: now, in: transaction),
                silentDays: try AlertTurn.silentDays(in: transaction)
            )
            return (beginning, channels)
        }
    }

    private func see(_ look: AlertLook) async throws {
        let now = surroundings.now()
        try await database.write { try Alerts.see(look, at: now, in: $0) }
    }

    // MARK: - Telling

    private struct Due: Sendable {
        let state: AlertChannelState
        let channel: AlertChannel
        let message: AlertMessage
    }

    private func tell() async throws {
        let now = surroundings.now()
        let server = server
        let due = try await database.read { transaction in
            try AlertChannels.all(in: transaction).compactMap { state -> Due? in
                guard let channel = state.channel, state.isDue(at: now) else { return nil }
                let news = try Alerts.news(for: state.name, in: transaction)
                guard !news.isEmpty else { return nil }
                return Due(
                    state: state, channel: channel,
                    message: AlertMessage(
                        server: server, sentAt: now,
                        items: Array(news.prefix(Limits.alertItemsPerMessageMax))))
            }
        }
        // At most `alertChannelsMax`.
        try await withThrowingTaskGroup(of: Void.self) { group in
            for due in due { group.addTask { try await tell(due) } }
            try await group.waitForAll()
        }
        try await database.write { try Alerts.forget(at: now, in: $0) }
    }

    private func tell(_ due: Due) async throws {
        do throws(AlertError) {
            try await sender.send(due.message, to: due.channel)
        } catch {
            let now = surroundings.now()
            let next = now.adding(milliseconds: pause(after: due.state.attempts))
            logger.warning(
                "An alert did not get through",
                metadata: [
                    "channel": "\(due.channel.name)", "error": "\(error.message)",
                    "cause": "\(error.cause.map { "\($0)" } ?? "")",
                ])
            return try await database.write { transaction in
                try AlertChannels.failed(
                    due.state, error, at: now, nextTryAt: next, in: transaction)
            }
        }
        let now = surroundings.now()
        try await database.write { transaction in
            try Alerts.told(due.message.items, to: due.channel.name, in: transaction)
            try AlertChannels.succeeded(due.channel.name, at: now, in: transaction)
        }
    }

    /// In milliseconds: between half and the whole of a time that doubles.
    private func pause(after attempts: Int) -> Int64 {
        let whole =
            1_000
            * min(
                Limits.alertRetrySeconds << Int64(min(max(attempts, 0), 20)),
                Limits.alertRetrySecondsMax)
        return whole / 2 + Int64(surroundings.randomNumber() % UInt64(whole / 2 + 1))
    }
}

extension AlertChannelState {
    fileprivate func isDue(at now: Timestamp) -> Bool {
        // A clock that was set back must not silence a channel.
        let farOff = now.adding(seconds: 2 * Limits.alertRetrySecondsMax)
        guard nextTryAt <= now || nextTryAt > farOff else { return false }
        guard let sentAt, sentAt <= now else { return true }
        return sentAt.adding(seconds: Limits.alertSpacingSeconds) <= now
    }
}
