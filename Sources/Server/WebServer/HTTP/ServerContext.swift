import HTTPTypes
package import Accounts
package import Hummingbird
package import Kernel
import Logging
import Synchronization

/// What the server knows about a request beside the request itself.
package struct ServerContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The peer of the connection; `nil` in tests without a socket.
    let peerAddress: String?
    /// Set behind `AuthenticationMiddleware`.
    package var session: Session? {
        didSet { note.actor.withLock { $0 = session?.actor } }
    }
    /// What the log line of the request says, whoever found it out.
    let note = RequestNote()

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peerAddress = source.channel.remoteAddress?.ipAddress
    }

    /// Who asks; throws `signInNeeded` outside the part of the API that is behind a sign-in.
    package var actor: Actor {
        get throws { try requireSession().actor }
    }

    package func requireSession() throws -> Session {
        guard let session else {
            throw APIError(.unauthorized, "signInNeeded", "Sign in first.")
        }
        return session
    }
}

/// Shared by all copies of one request's context.
final class RequestNote: Sendable {
    let actor = Mutex<Actor?>(nil)
}
