import Accounts
import HTTPTypes
import Hummingbird
import Kernel
import Records
import Wire

/// Refuses what belongs to a service that is switched off for the account: the records of its zones,
/// and its own routes.
///
/// Everything else goes on, such as a device's report, by whose answer it learns of it.
struct PermissionMiddleware: RouterMiddleware {
    let zones: ZonesService

    func handle(
        _ request: Request, context: ServerContext,
        next: @concurrent (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let session = try context.requireSession()
        if !session.deniedServices.isEmpty, let service = try await service(of: request, session),
            session.deniedServices.contains(where: { $0.service == service })
        {
            throw APIError(
                .forbidden, API.appNotAllowedCode,
                "The service “\(service)” is switched off for this account: ask who runs the "
                    + "server to switch it on.", fields: [service])
        }
        return try await next(request, context)
    }

    /// `nil`: of none.
    private func service(of request: Request, _ session: Session) async throws -> String? {
        let path = request.uri.path.dropFirst(API.prefix.count).split(separator: "/")
        guard let first = path.first else { return nil }
        guard first == "zones" else { return String(first) }
        guard path.count > 2, let id = try? ZoneID(parsing: String(path[1])) else { return nil }
        return try await zones.zones(of: session.actor.account).first { $0.id == id }?.kind
    }
}
