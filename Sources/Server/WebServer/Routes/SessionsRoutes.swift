import Kernel
import HTTPTypes
import Accounts
import Hummingbird
import Records
import Wire

/// `PUT /sessions/{device}` signs in, `DELETE /sessions/{device}` signs out.
struct SessionsRoutes {
    let accounts: Accounts
    let zones: ZonesService
    let proxies: TrustedProxies
    let origin: OriginRule
    let isSecure: Bool
    /// Devices keep it, and take no receipt for one that it does not fit.
    let receiptKey: [UInt8]

    /// `open` is the part of the API in front of the sign-in, `closed` the part behind it.
    func add(open: RouterGroup<ServerContext>, authentication: AuthenticationMiddleware) {
        let path: RouterPath = "sessions/{device}"
        let signOut = self.signOut
        Resource(group: open).on(
            path,
            [
                (.put, signIn),
                (
                    .delete,
                    { request, context in
                        try await authentication.handle(request, context: context, next: signOut)
                    }
                ),
            ])
    }

    @Sendable private func signIn(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        // A page of somebody else's must not sign this browser in to an account of theirs.
        if request.headers[.origin] != nil { try origin.check(request) }
        let body = try await JSONBody.decode(
            SessionRequest.self, from: request, byteCountMax: Limits.signInByteCountMax)
        let (session, token) = try await accounts.signIn(
            SignIn(
                account: body.account, password: Secret(body.password),
                device: try context.identifier("device"), deviceName: body.deviceName,
                isBrowser: body.isBrowser,
                address: proxies.client(of: request, peer: context.peerAddress)))
        var response = try JSONBody.reply(
            SessionReply(
                account: session.actor.account, accountName: session.accountName,
                device: session.actor.device, token: body.isBrowser ? "" : token.reveal(),
                zones: try await zones.zones(of: session.actor.account),
                receiptKey: Hexadecimal.encode(receiptKey)))
        response.headers[.cacheControl] = "no-store"
        if body.isBrowser { SessionCookie.set(token, isSecure: isSecure, on: &response) }
        return response
    }

    @Sendable private func signOut(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let actor = try context.actor
        let device = try context.identifier("device", as: DeviceID.self)
        try await accounts.signOut(device, by: actor)
        var response = Response(status: .noContent)
        if device == actor.device { SessionCookie.clear(isSecure: isSecure, on: &response) }
        return response
    }
}
