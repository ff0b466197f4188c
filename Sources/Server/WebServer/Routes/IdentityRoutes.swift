import Storage
import HTTPTypes
import Hummingbird
import Kernel
import Operations
import Records
import Wire

/// `GET /identity`: what a client needs to know before it signs in.
struct IdentityRoutes {
    let parts: ServiceParts
    let monitor: ServiceMonitor

    func add(to group: RouterGroup<ServerContext>) {
        Resource(group: group).on("identity", [(.get, identity)])
    }

    @Sendable private func identity(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let state = try await parts.database.read { [kernel = parts.kernel] transaction in
            try kernel.serverState(in: transaction)
        }
        var response = try JSONBody.reply(
            IdentityReply(
                server: state.id, version: MartletVersion.text,
                protocols: Array(WireProtocol.oldestSupported...WireProtocol.current),
                time: parts.now(),
                maintenance: monitor.maintenance.map(MaintenanceDescription.init)))
        response.headers[.cacheControl] = "no-store"
        return response
    }
}
