import Dispatch
import Records
import Synchronization

/// Makes and checks password hashes on threads of its own, a few at a time: each takes 16 MiB.
package final class PasswordHasher: Sendable {
    package static let standardLogRounds = 14

    private let logRounds: Int
    private let lanes: [DispatchQueue]
    private let waiting: Mutex<[Int]>

    /// `logRounds`: the cost of new hashes, lower in tests only.
    package init(
        atOnceMax: Int = Limits.passwordHashesAtOnceMax, logRounds: Int = standardLogRounds
    ) {
        self.logRounds = logRounds
        precondition(atOnceMax > 0, "A hasher needs a thread.")
        lanes = (0..<atOnceMax).map { DispatchQueue(label: "martlet.passwords.\($0)") }
        waiting = Mutex(Array(repeating: 0, count: atOnceMax))
    }

    func hash(_ password: Secret<String>, salt: [UInt8]) async throws -> PasswordHash {
        try await run { [logRounds] in
            try PasswordHash(of: password.reveal(), salt: salt, logRounds: logRounds)
        }
    }

    func verify(_ password: Secret<String>, against hash: PasswordHash) async throws -> Bool {
        try await run { try hash.matches(password.reveal()) }
    }

    /// Throws `signInsBusy` instead of letting the line grow without end.
    private func run<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        let lane = waiting.withLock { counts -> Int? in
            guard counts.reduce(0, +) < Limits.passwordHashesWaitingMax,
                let lane = counts.indices.min(by: { counts[$0] < counts[$1] })
            else { return nil }
            counts[lane] += 1
            return lane
        }
        guard let lane else {
            throw AccountsError(
                .signInsBusy, "Too many people sign in at once: try again in a moment.",
                retryAfterSeconds: 2)
        }
        defer { waiting.withLock { $0[lane] -= 1 } }
        return try await withCheckedThrowingContinuation { continuation in
            lanes[lane].async { continuation.resume(with: Result { try body() }) }
        }
    }
}
