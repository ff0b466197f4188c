import Records
package import Status

/// `martlet status --json`: every key is always there; what isn't known is null.
package struct StatusJSON: Encodable, Sendable {
    private let status: LibraryStatus

    package init(_ status: LibraryStatus) { self.status = status }

    private enum CodingKeys: String, CodingKey { case state, reasons, counts, bytes, secondsLeft }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(status.state, forKey: .state)
        try container.encode(status.reasons.map(ReasonJSON.init), forKey: .reasons)
        try container.encode(status.counts, forKey: .counts)
        try container.encode(status.bytes, forKey: .bytes)
        try container.encode(status.secondsLeft, forKey: .secondsLeft)
    }
}

/// A reason for programs: `fix` is null where nothing helps.
struct ReasonJSON: Encodable {
    let reason: Reason

    private enum CodingKeys: String, CodingKey { case code, message, since, clearsWhen, fix }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(reason.code, forKey: .code)
        try container.encode(reason.message, forKey: .message)
        try container.encode(reason.since, forKey: .since)
        try container.encode(reason.clearsWhen, forKey: .clearsWhen)
        try container.encode(reason.fix, forKey: .fix)
    }
}
