package import Records

/// `GET /storage`: the truth about the account's storage.
package struct StorageReply: Hashable, Sendable, Codable {
    package struct Member: Hashable, Sendable, Codable {
        package let name: String
        package let usedByteCount: Int64

        package init(name: String, usedByteCount: Int64) {
            self.name = name
            self.usedByteCount = usedByteCount
        }
    }

    /// When something will be full at the rate of the last weeks.
    package struct Forecast: Hashable, Sendable, Codable {
        package let fullAt: Timestamp
        package let byteCountPerDay: Int64
        /// How many measured days it follows from.
        package let days: Int

        package init(fullAt: Timestamp, byteCountPerDay: Int64, days: Int) {
            self.fullAt = fullAt
            self.byteCountPerDay = byteCountPerDay
            self.days = days
        }
    }

    package struct Plan: Hashable, Sendable, Codable {
        package let name: String
        /// `nil`: no limit.
        package let byteCount: Int64?

        package init(name: String, byteCount: Int64?) {
            self.name = name
            self.byteCount = byteCount
        }
    }

    /// What the account asked for last.
    package struct Request: Hashable, Sendable, Codable {
        package enum State: String, Hashable, Sendable, Codable {
            case waiting
            case granted
            case declined
        }

        package let plan: String
        package let state: State
        package let askedAt: Timestamp
        package let answeredAt: Timestamp?
        /// From who runs the server.
        package let message: String?

        package init(
            plan: String, state: State, askedAt: Timestamp, answeredAt: Timestamp?,
            message: String?
        ) {
            self.plan = plan
            self.state = state
            self.askedAt = askedAt
            self.answeredAt = answeredAt
            self.message = message
        }
    }

    package enum Warning: String, Hashable, Sendable, Codable {
        /// Under 5 % or 1 GB is left.
        case nearlyFull
        case full
    }

    /// Of the account's pool.
    package let usedByteCount: Int64
    /// `nil`: no limit.
    package let quotaByteCount: Int64?
    /// Uploaded by this account, and no record refers to it yet.
    package let stagedByteCount: Int64
    package let warning: Warning?
    /// Who shares the pool, the account among them, and what each uses.
    package let members: [Member]
    package let plan: String?
    /// What can be asked for.
    package let plans: [Plan]
    package let request: Request?
    /// `nil` when nothing can be said: a history that is too short, or that does not grow.
    package let forecast: Forecast?
    /// How many days of the pool's use are known.
    package let measuredDays: Int
    /// Of the disk of the server's blobs; `nil` when there is none of its own.
    package let diskFreeByteCount: Int64?
    package let diskForecast: Forecast?

    package init(
        usedByteCount: Int64, quotaByteCount: Int64?, stagedByteCount: Int64, warning: Warning?,
        members: [Member], plan: String?, plans: [Plan], request: Request?, forecast: Forecast?,
        measuredDays: Int, diskFreeByteCount: Int64?, diskForecast: Forecast?
    ) {
        self.usedByteCount = usedByteCount
        self.quotaByteCount = quotaByteCount
        self.stagedByteCount = stagedByteCount
        self.warning = warning
        self.members = members
        self.plan = plan
        self.plans = plans
        self.request = request
        self.forecast = forecast
        self.measuredDays = measuredDays
        self.diskFreeByteCount = diskFreeByteCount
        self.diskForecast = diskForecast
    }
}

/// `PUT /storage/request`: asks for a plan.
package struct PlanQuestion: Hashable, Sendable, Codable {
    package let plan: String
    package init(plan: String) { self.plan = plan }
}
