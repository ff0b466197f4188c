import HTTPTypes
import Hummingbird
import Operations
import Records
import Status
import Wire

/// While the owner works on the server, what would change something is answered 503; what only reads
/// goes on.
struct MaintenanceMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let monitor: ServiceMonitor

    func handle(
        _ request: Request, context: ServerContext,
        next: @concurrent (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        guard request.method != .get, request.method != .head,
            let maintenance = monitor.maintenance
        else { return try await next(request, context) }
        let seconds = (maintenance.until.milliseconds - monitor.now().milliseconds) / 1_000
        throw APIError(maintenance, retryAfterSeconds: max(1, seconds))
    }
}

extension APIError {
    fileprivate init(_ maintenance: Maintenance, retryAfterSeconds: Int64) {
        self.init(
            .serviceUnavailable,
            ErrorReply(
                code: API.maintenanceCode,
                message: "The server is under maintenance until "
                    + "\(EvidenceText.time(maintenance.until)): try again then.",
                maintenance: MaintenanceDescription(maintenance)),
            retryAfterSeconds: retryAfterSeconds)
    }
}

extension MaintenanceDescription {
    init(_ maintenance: Maintenance) {
        self.init(
            since: maintenance.since, until: maintenance.until, message: maintenance.message)
    }
}
