package import Records

/// What the machine says about itself at one moment.
///
/// Observations only: what follows from them is decided by the engine, which asks for them anew
/// every 2 s while something waits, and is told of changes without asking: at once where the machine
/// tells, else within 30 s.
package struct Conditions: Hashable, Sendable {
    package var power: Power
    package var network: Network
    /// Free on the library's disk; `nil` when it can't be asked.
    package var freeByteCount: Int64?
    /// How far this device's clock is ahead of the server's; negative behind it.
    package var clockOffsetSeconds: Int64
    /// The latest suspend that ended while this process ran.
    package var sleep: Sleep?
    /// The system's limit of watched folders, while it is reached.
    package var watchLimit: Int?
    /// Whose logout ends Martlet on this device; `nil`: it goes on.
    package var endsAtLogoutOf: String?
    /// Whether the server itself answered when it was probed with this reading, and takes requests;
    /// `nil`: it was not probed.
    package var serverAnswers: Bool?
    /// How far local time is ahead of UTC.
    package var localOffsetSeconds: Int64
    /// What the user allows; read together with all this.
    package var policies: Policies

    package init(
        power: Power = Power(), network: Network = Network(), freeByteCount: Int64? = nil,
        clockOffsetSeconds: Int64 = 0, sleep: Sleep? = nil, watchLimit: Int? = nil,
        endsAtLogoutOf: String? = nil, serverAnswers: Bool? = nil,
        localOffsetSeconds: Int64 = 0, policies: Policies = Policies()
    ) {
        self.power = power
        self.network = network
        self.freeByteCount = freeByteCount
        self.clockOffsetSeconds = clockOffsetSeconds
        self.sleep = sleep
        self.watchLimit = watchLimit
        self.endsAtLogoutOf = endsAtLogoutOf
        self.serverAnswers = serverAnswers
        self.localOffsetSeconds = localOffsetSeconds
        self.policies = policies
    }

    package struct Power: Hashable, Sendable {
        package enum Source: Hashable, Sendable {
            /// Also a battery that charges.
            case mains
            case battery(percent: Int)
        }

        package var source: Source
        /// The system's power saver is on.
        package var isSaving: Bool

        package init(source: Source = .mains, isSaving: Bool = false) {
            self.source = source
            self.isSaving = isSaving
        }
    }

    package struct Network: Hashable, Sendable {
        package enum Route: Hashable, Sendable {
            case found
            /// No way to the server; the system's words.
            case missing(cause: String)
        }

        package var route: Route
        package var isMetered: Bool
        /// Somebody else answers in the server's place until the user has signed in to the network.
        package var isCaptive: Bool
        /// The tunnel or proxy that the way to the server goes through.
        package var tunnel: String?

        package init(
            route: Route = .found, isMetered: Bool = false, isCaptive: Bool = false,
            tunnel: String? = nil
        ) {
            self.route = route
            self.isMetered = isMetered
            self.isCaptive = isCaptive
            self.tunnel = tunnel
        }
    }

    package struct Sleep: Hashable, Sendable {
        package let from: Timestamp
        package let until: Timestamp

        package init(from: Timestamp, until: Timestamp) {
            self.from = from
            self.until = until
        }
    }
}

/// The user's pause.
package struct Pause: Hashable, Sendable {
    package let since: Timestamp
    /// `nil`: until the user resumes.
    package let until: Timestamp?
    /// `until` in the user's own time, as it was understood.
    package let untilText: String

    package init(since: Timestamp, until: Timestamp?, untilText: String) {
        self.since = since
        self.until = until
        self.untilText = untilText
    }

    func isInForce(at now: Moment) -> Bool { until.map { now.wall < $0 } ?? true }
}
