import Records
import Status

/// When something that failed is tried again.
struct RetryRule: Sendable {
    /// `--once`: a few short tries, then never.
    let once: Bool
    let randomNumber: @Sendable () -> UInt64

    private static let shortTries = 3

    /// Milliseconds until the next try after `tries` failed ones; `nil`: give up.
    func delay(afterTries tries: Int, atLeastSeconds seconds: Int64? = nil) -> Int64? {
        let longest = Limits.retryDelaySecondsMax * 1_000
        let asked = min((seconds ?? 0) * 1_000, longest)
        let doubled = Int64(1_000) << min(max(tries - 1, 0), 20)
        guard !once else {
            guard tries <= Self.shortTries, asked <= Limits.shortWaitSecondsMax * 1_000 else {
                return nil
            }
            return max(doubled, asked)
        }
        // From 75 % to 125 %, so that devices that failed together don't come back together.
        let jitter = 768 + Int64(randomNumber() % 512)
        return min(max(min(doubled, longest) * jitter / 1_024, asked), longest)
    }
}

/// The failed tries of one thing: evidence for its reason, and when it comes next.
struct Attempts: Sendable {
    private(set) var tries = 0
    private(set) var cause = ""
    private(set) var since: Timestamp?
    /// Uptime in milliseconds; `nil` with failed tries: given up.
    private(set) var nextTry: Int64?

    var hasFailed: Bool { tries > 0 }
    var isGivenUp: Bool { tries > 0 && nextTry == nil }

    mutating func fail(
        _ cause: String, at now: Moment, rule: RetryRule, atLeastSeconds seconds: Int64? = nil
    ) {
        tries += 1
        self.cause = cause
        since = since ?? now.wall
        nextTry = rule.delay(afterTries: tries, atLeastSeconds: seconds).map { now.uptime + $0 }
    }

    mutating func retryNow(at now: Moment) {
        if hasFailed { nextTry = now.uptime }
    }
}

/// Holds back a kind of work while there is evidence that it can't be done, and lets a single probe
/// through when the next try is due: the first success opens it (P6: no latched pause).
struct Gate: Sendable {
    private(set) var failure: RequestFailure?
    private(set) var attempts = Attempts()
    private var isProbing = false

    var isClosed: Bool { failure != nil }
    var isGivenUp: Bool { attempts.isGivenUp }
    var since: Timestamp? { attempts.since }

    /// Uptime at which it lets a probe through; `nil` when it is open, probing, or given up.
    var nextTry: Int64? { isClosed && !isProbing ? attempts.nextTry : nil }

    func allows(at now: Moment) -> Bool {
        guard isClosed else { return true }
        guard !isProbing, let nextTry = attempts.nextTry else { return false }
        return nextTry <= now.uptime
    }

    /// Call when work starts: while closed it is the only one.
    mutating func pass() {
        if isClosed { isProbing = true }
    }

    /// Several failures that arrive together count once.
    mutating func close(
        _ failure: RequestFailure, at now: Moment, rule: RetryRule, seconds: Int64? = nil
    ) {
        let isNew = self.failure == nil || isProbing || (nextTry.map { $0 <= now.uptime } ?? false)
        self.failure = failure
        isProbing = false
        if isNew {
            attempts.fail(failure.text, at: now, rule: rule, atLeastSeconds: seconds)
        }
    }

    mutating func open() { self = Gate() }

    /// The probe ended without telling anything about what the gate is closed for.
    mutating func endProbe() { isProbing = false }

    mutating func retryNow(at now: Moment) {
        attempts.retryNow(at: now)
        isProbing = false
    }
}

extension RequestFailure {
    /// Whether the server or the way to it is at fault, so that other requests would fail as well.
    func concernsServer(isTransfer: Bool) -> Bool {
        switch self {
        case .unreachable, .signInNeeded, .retryLater, .maintenance, .versionTooOld: true
        // One item may be what breaks its transfer; it must not hold up the others (P7).
        case .timedOut, .interrupted: !isTransfer
        default: false
        }
    }

    /// Nobody answered, so the way to the server may be what is at fault.
    var isOfTheWay: Bool {
        switch self {
        case .unreachable, .timedOut, .interrupted, .refused(code: "unknownReply", _): true
        default: false
        }
    }

    /// Whether a probe of the server's identity tells that it has ended.
    var endsWithProbe: Bool {
        if case .maintenance = self { true } else { isOfTheWay }
    }

    /// Why the server can't be used, as its reason says it.
    var cause: String {
        guard case .retryLater(let code, let seconds?) = self else { return text }
        if code == "objectStoreUnreachable" { return "the store of its blobs does not answer" }
        if code == "unreachable" { return "its database does not answer" }
        return "it asks to be left alone for \(EvidenceText.duration(seconds: seconds))"
    }

    var concernsAllUploads: Bool {
        switch self {
        case .accountFull, .serverStorageFull: true
        default: false
        }
    }

    var retryAfterSeconds: Int64? {
        if case .retryLater(_, let seconds) = self { seconds } else { nil }
    }

    /// For people.
    var text: String {
        switch self {
        case .unreachable(let words): words
        case .timedOut: "no answer in time"
        case .interrupted: "the connection broke"
        case .signInNeeded: "it was refused"
        case .appNotAllowed: "photos are switched off for this account"
        case .changeTokenExpired: "the server began a new epoch"
        case .retryLater(let code, _): code
        case .maintenance: "the server is under maintenance"
        case .accountFull: "the account is full"
        case .serverStorageFull: "the server's disk is full"
        case .versionTooOld(let words, _): words
        case .fileChanged(let place): "\(place.path) changed while it was sent"
        case .fileUnreadable(let place, let error): "\(place.path): \(error.text)"
        case .digestMismatch: "the bytes were not what they should be"
        case .notFound: "the server does not have it"
        case .disk(let error): error.text
        // It stands within another sentence.
        case .refused(_, let message):
            message.hasSuffix(".") ? String(message.dropLast()) : message
        }
    }
}

extension DiskError {
    /// For people.
    var text: String {
        switch self {
        case .notFound: "it is not there"
        case .alreadyExists: "the name is taken"
        case .notPermitted: "permission is missing"
        case .noSpace: "the disk is full"
        case .readOnly: "the disk can only be read"
        case .notAFolder: "it is not a folder"
        case .changed: "it changed meanwhile"
        case .inputOutput(let errno): "the disk reports error \(errno)"
        }
    }

    /// Whether the library's whole disk is at fault.
    var concernsLibrary: Bool { self == .noSpace || self == .readOnly }
}
