import Dispatch
import Records
import SyncEngine
import Synchronization

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
        if probesServer { conditions.serverAnswers = ask() == false }
        if isStranger.withLock({ $0 }) { conditions.network.isCaptive = true }
    }

    /// Waits, `Limits.probeSecondsMax` at most, on the reader's own queue.
    ///
    /// Whether a stranger answered; `nil`: nobody did.
    private func ask() -> Bool? {
        let (client, sleep) = (client, sleep)
        let answer = Answer()
        let isAnswered = DispatchSemaphore(value: 0)
        let asking = Task {
            let result = await Result(of: { () async throws(RequestFailure) in
                try await client.identity()
            })
            answer.isStranger.withLock { $0 = Self.isStranger(result) }
            isAnswered.signal()
        }
        let patience = Task {
            try? await sleep(.seconds(Limits.probeSecondsMax))
            asking.cancel()
        }
        isAnswered.wait()
        patience.cancel()
        let found = answer.isStranger.withLock { $0 }
        if let found { isStranger.withLock { $0 = found } }
        return found
    }

    /// `nil`: nobody answered, so nothing is known.
    private static func isStranger(_ result: Result<some Sendable, RequestFailure>) -> Bool? {
        switch result {
        case .success: false
        case .failure(.unreachable(let text)):
            text.hasPrefix(RequestFailure.strangerText) ? true : nil
        case .failure(.refused(code: "unknownReply", _)): true
        case .failure(.timedOut), .failure(.interrupted): nil
        // The server itself, whatever it has to say.
        case .failure: false
        }
    }
}

private final class Answer: Sendable {
    let isStranger = Mutex<Bool?>(nil)
}
