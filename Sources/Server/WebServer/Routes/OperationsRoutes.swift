import Kernel
import HTTPTypes
import Hummingbird
import Storage
import Wire

/// `/health` and `/metrics`: for whoever runs the server.
struct OperationsRoutes {
    let parts: ServiceParts

    func add(to group: RouterGroup<ServerContext>) {
        let resource = Resource(group: group)
        resource.on("health", [(.get, health)])
        resource.on("metrics", [(.get, metrics)])
    }

    /// 200 when the database answers; the error's own status otherwise.
    @Sendable private func health(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try await parts.database.read { [kernel = parts.kernel] transaction in
            _ = try kernel.serverState(in: transaction)
        }
        var response = try JSONBody.reply(["status": "ok"])
        response.headers[.cacheControl] = "no-store"
        return response
    }

    @Sendable private func metrics(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/plain; version=0.0.4; charset=utf-8",
                .cacheControl: "no-store",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(string: parts.metrics.text())))
    }
}
