import Kernel
import Accounts
import HTTPTypes
import Hummingbird
import Logging

/// Lets through who is signed in: a device by its bearer token, a browser by its cookie.
///
/// A cookie is sent by the browser whoever wrote the page, so a request that changes something
/// must come from this server's own page: SameSite=Strict, and an Origin that is ours.
struct AuthenticationMiddleware: RouterMiddleware {
    let accounts: Accounts
    let origin: OriginRule

    func handle(
        _ request: Request, context: ServerContext,
        next: @concurrent (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        let session = try await authenticate(request)
        context.session = session
        // Ids only: names and tokens are nobody's business in a log.
        context.logger[metadataKey: "account"] = "\(session.actor.account)"
        context.logger[metadataKey: "device"] = "\(session.actor.device)"
        return try await next(request, context)
    }

    private func authenticate(_ request: Request) async throws -> Session {
        if let header = request.headers[.authorization] {
            let parts = header.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "bearer",
                let token = SessionToken(parsing: String(parts[1]))
            else { throw Self.signInNeeded }
            return try await accounts.authenticate(token)
        }
        guard let token = SessionCookie.token(in: request) else { throw Self.signInNeeded }
        if request.method != .get && request.method != .head {
            try origin.check(request)
        }
        let session = try await accounts.authenticate(token)
        guard session.isBrowser else { throw Self.signInNeeded }
        return session
    }

    private static let signInNeeded = APIError(
        .unauthorized, "signInNeeded", "Sign in: the request has no valid token.")
}

/// Tells this server's own pages from those of others.
struct OriginRule: Sendable {
    /// `scheme://host[:port]`, as browsers send it; `nil`: whatever host the request names.
    let publicOrigin: String?

    /// Throws `crossSite` unless the request's Origin is this server.
    func check(_ request: Request) throws {
        guard let origin = request.headers[.origin], isOurs(origin, host: request.head.authority)
        else {
            throw APIError(
                .forbidden, "crossSite", "Only this server's own page may ask for this.")
        }
    }

    private func isOurs(_ origin: String, host: String?) -> Bool {
        if let publicOrigin, origin.lowercased() == publicOrigin { return true }
        guard let host else { return false }
        let origin = origin.lowercased()
        return ["http://", "https://"].contains { $0 + host.lowercased() == origin }
    }
}
