import Dispatch
import Records
import SyncEngine
import Synchronization
import Wire

/// Who answers at the server's address: asked only while the server seems away, without signing in,
/// so that a stranger learns nothing.
final class ProbeSource: ConditionsSource {
    private let client: ServerClient
    private let sleep: @Sendable (Duration) async throws -> Void
    private let isStranger = Mutex(false)

    /// `client`: without a token.
    init(client: ServerClient, sleep: @escaping @Sendable (Duration) async throws -> Void) {
        self.client = client
        self.sleep = sleep
    }

    func observe(_ conditions: inout Conditions, probesServer: Bool) {
        if probesServer { conditions.serverAnswers = ask() == .server }
        if isStranger.withLock({ $0 }) { conditions.network.isCaptive = true }
    }

    /// Waits, `Limits.probeSecondsMax` at most, on the reader's own queue.
    ///
    /// `nil`: nobody answered.
    private func ask() -> Answerer? {
        let (client, sleep) = (client, sleep)
        let answer = Answer()
        let isAnswered = DispatchSemaphore(value: 0)
        let asking = Task {
            let result = await Result(of: { () async throws(RequestFailure) in
                try await client.identity()
            })
            answer.answerer.withLock { $0 = Self.answerer(result) }
            isAnswered.signal()
        }
        let patience = Task {
            try? await sleep(.seconds(Limits.probeSecondsMax))
            asking.cancel()
        }
        isAnswered.wait()
        patience.cancel()
        let found = answer.answerer.withLock { $0 }
        if let found { isStranger.withLock { $0 = found == .stranger } }
        return found
    }

    /// `nil`: nobody answered, so nothing is known.
    private static func answerer(_ result: Result<IdentityReply, RequestFailure>) -> Answerer? {
        switch result {
        case .success(let identity):
            identity.maintenance == nil ? .server : .serverUnderMaintenance
        case .failure(.unreachable(let text)):
            text.hasPrefix(RequestFailure.strangerText) ? .stranger : nil
        case .failure(.refused(code: "unknownReply", _)): .stranger
        case .failure(.timedOut), .failure(.interrupted): nil
        // The server itself, whatever it has to say.
        case .failure: .server
        }
    }
}

/// Who answered a probe.
private enum Answerer: Sendable {
    case server
    /// It takes no requests now.
    case serverUnderMaintenance
    case stranger
}

private final class Answer: Sendable {
    let answerer = Mutex<Answerer?>(nil)
}
