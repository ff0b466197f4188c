import NIOCore
import NIOHTTP1
import Records
import Synchronization

/// A claim to a bucket's place for backups: an object, `PREFIX/lock`, with the word of who has it.
///
///     martlet backup lock 1
///     4f0c…            a random word of this claim's own
///     a backup         what is done
///
/// - It is put there on the condition that there is none (`If-None-Match`), and renewed on the
///   condition that it is still the same (`If-Match`), so that of two who come at once one gets it.
///   A store that does not know the conditions cannot promise that: the lock is read back after a
///   while instead.
/// - One that was not renewed for a while (`Limits.leaseSeconds`) is nobody's. The store's own clock counts,
///   whatever the machines' clocks say.
/// - On one machine a file with the words of claims, and a lock on it that ends with its process,
///   tell that whoever had it was killed: then nobody waits.
final class BucketLease: Sendable {
    private struct State {
        var tag: String?
        var goodUntil = Timestamp(milliseconds: 0)
        var isLost = false
        var renewing: Task<Void, Never>?
    }

    /// The lock as it lies there.
    private struct Found: Sendable {
        let word: String
        let tag: String?
        /// How long ago it was put there, by the store's clock.
        let ageSeconds: Int64?
    }

    private enum Outcome: Sendable {
        /// With the tag of what was put.
        case put(String?)
        case refused
        case conditionUnknown
    }

    private let store: S3ObjectStore
    private let words: String
    private let word: String
    private let tokens: String
    private let lock: any Sendable
    private let seconds: Int64
    private let state = Mutex(State())
    private let thread = OwnThread(name: "martlet.backup.lease")

    /// - Parameters:
    ///   - tokens: The file for words of claims of this machine.
    ///   - lock: Keeps other processes of this machine off that file.
    ///   - seconds: How long it lasts that is not renewed.
    init(
        store: S3ObjectStore, words: String, tokens: String, lock: any Sendable, seconds: Int64
    ) {
        self.store = store
        self.words = words
        self.tokens = tokens
        self.lock = lock
        self.seconds = seconds
        word = store.randomDigits() + store.randomDigits()
    }

    deinit { state.withLock { $0.renewing?.cancel() } }

    static func lost(_ place: String) -> StorageError {
        StorageError(
            .busy,
            "\(place) could not be kept for this work alone, since the store did not answer in time: "
                + "run it again.")
    }

    // MARK: - Taking

    /// `false`: another has it.
    func take() async throws(StorageError) -> Bool {
        let ours = try known()
        // Before it can lie there: who is killed behind that is known by it.
        try PlainFiles.write(Array((ours + [word]).joined(separator: "\n").utf8), to: tokens)
        guard try await claim(ours) else { return false }
        try PlainFiles.write(Array(word.utf8), to: tokens)
        keepRenewing()
        return true
    }

    /// The words of claims of this machine whose processes are gone: the file's lock is ours.
    private func known() throws(StorageError) -> [String] {
        guard try PlainFiles.byteCount(tokens) != nil else { return [] }
        let bytes = try PlainFiles.read(tokens, byteCountMax: Limits.leaseTokensByteCountMax)
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
            .suffix(Limits.leaseTokensMax)
    }

    private func claim(_ ours: [String]) async throws(StorageError) -> Bool {
        switch try await put([("if-none-match", "*")]) {
        case .put(let tag): return try await isOurs(after: tag)
        case .refused, .conditionUnknown: break
        }
        guard let found = try await find() else {
            // It went at this moment, or the store refuses all conditions.
            return try await replace(nil)
        }
        if found.word == word { return try await isOurs(after: found.tag) }
        let isOver = found.ageSeconds.map { $0 > seconds } ?? false
        guard isOver || ours.contains(found.word) else { return false }
        return try await replace(found)
    }

    private func replace(_ found: Found?) async throws(StorageError) -> Bool {
        let condition = found.map { $0.tag.map { ("if-match", $0) } } ?? ("if-none-match", "*")
        switch try await put(condition.map { [$0] } ?? []) {
        case .put(let tag): return try await isOurs(after: tag)
        case .refused: return try await find()?.word == word
        case .conditionUnknown:
            guard case .put(let tag) = try await put([]) else { return false }
            // Another who came at once has written by then.
            try await pause(.seconds(Limits.leaseSettleSeconds))
            return try await isOurs(after: tag)
        }
    }

    /// Reads it back: a store may take no notice of conditions.
    private func isOurs(after tag: String?) async throws(StorageError) -> Bool {
        guard let found = try await find(), found.word == word else { return false }
        note(tag ?? found.tag)
        return true
    }

    private func note(_ tag: String?) {
        let until = store.client.surroundings.now().adding(
            seconds: seconds - seconds / Limits.leaseRenewalsMin)
        state.withLock { ($0.tag, $0.goodUntil) = (tag, until) }
    }

    // MARK: - Keeping

    private func keepRenewing() {
        let pause = Duration.seconds(seconds) / Limits.leaseRenewalsMin
        // Whoever works may block every thread that tasks share.
        let task = Task(executorPreference: thread) {
            [weak self, clock = store.client.surroundings.clock] in
            while (try? await clock.sleep(for: pause)) != nil {
                // One that fails is tried again before the lease is over.
                guard let self else { return }
                try? await self.renew()
                if self.state.withLock(\.isLost) { return }
            }
        }
        state.withLock { $0.renewing = task }
    }

    /// Throws `busy` when another has it now, and whatever the store says.
    func renew() async throws(StorageError) {
        try check()
        let tag = state.withLock(\.tag)
        switch try await put(tag.map { [("if-match", $0)] } ?? []) {
        case .put(let tag): note(tag)
        case .refused:
            // A renewal whose answer was lost has another tag.
            guard try await isOurs(after: nil) else { throw lose() }
        case .conditionUnknown:
            guard try await find()?.word == word, case .put = try await put([]) else {
                throw lose()
            }
            note(nil)
        }
    }

    private func lose() -> StorageError {
        state.withLock { $0.isLost = true }
        return Self.lost(store.place.text)
    }

    /// Throws `busy` when it is lost, or was not renewed in time.
    func check() throws(StorageError) {
        let now = store.client.surroundings.now()
        let isGood = state.withLock { !$0.isLost && now < $0.goodUntil }
        guard isGood else { throw lose() }
    }

    /// Not cut short by cancellation; what stays is over after a while.
    func release() async {
        let isLost = state.withLock { state in
            state.renewing?.cancel()
            return state.isLost
        }
        guard !isLost else { return }
        await Task {
            guard (try? await find())?.word == word else { return }
            try? await store.removeNotes([Self.name])
            try? PlainFiles.remove(tokens)
        }.value
        state.withLock { $0.isLost = true }
    }

    // MARK: - The object

    private static let name = "lock"
    private static let firstLine = "martlet backup lock 1"

    private func put(
        _ conditions: [(name: String, value: String)]
    ) async throws(StorageError) -> Outcome {
        let request = S3Request(
            method: .PUT, key: store.place.prefix + Self.name, headers: conditions,
            body: ByteBuffer(string: "\(Self.firstLine)\n\(word)\n\(words)\n"))
        do {
            return try await store.client.send(request) { (answer) throws(S3Failure) in
                Outcome.put(answer.header("etag"))
            }
        } catch {
            switch (error.cause as? S3Failure)?.status {
            case 409, 412: return .refused
            // What `If-Match` was for is gone.
            case 404 where error.code == .objectNotFound: return .refused
            // OpenStack Swift, which refuses all conditions for what is put.
            case 501 where !conditions.isEmpty: return .conditionUnknown
            default: throw error
            }
        }
    }

    private func find() async throws(StorageError) -> Found? {
        let request = S3Request(method: .GET, key: store.place.prefix + Self.name)
        do {
            return try await store.client.send(request) { (answer) throws(S3Failure) in
                let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\n")
                let isLock = lines.count > 1 && lines[0] == Self.firstLine
                let times = ["date", "last-modified"].compactMap {
                    answer.header($0).flatMap(S3Date.parse(header:))
                }
                return Found(
                    word: isLock ? String(lines[1]) : "", tag: answer.header("etag"),
                    ageSeconds: times.count == 2
                        ? (times[0].milliseconds - times[1].milliseconds) / 1_000 : nil)
            }
        } catch {
            guard error.code == .objectNotFound else { throw error }
            return nil
        }
    }

    private func pause(_ duration: Duration) async throws(StorageError) {
        do {
            try await store.client.surroundings.clock.sleep(for: duration)
        } catch {
            throw StorageError(.interrupted, "The work was cancelled.", cause: error)
        }
    }
}

extension Limits {
    /// A backup that was killed keeps its bucket no longer than that.
    package static let leaseSeconds: Int64 = 180
    /// Tries to renew it before it is over.
    static let leaseRenewalsMin: Int64 = 6
    /// At a store that knows no conditions.
    static let leaseSettleSeconds: Int64 = 2
    static let leaseTokensMax = 16
    static let leaseTokensByteCountMax = 4_096
}
