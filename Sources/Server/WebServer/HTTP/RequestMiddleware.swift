import Kernel
import Synchronization
import HTTPTypes
import Hummingbird
import Logging
import Operations
import Records
import Wire

/// Around every request: its log line, its figures, its errors as JSON, and the headers that every
/// answer has.
struct RequestMiddleware: RouterMiddleware {
    let metrics: Metrics
    let monitor: ServiceMonitor
    let clock: ContinuousClock

    func handle(
        _ request: Request, context: ServerContext,
        next: @concurrent (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let begin = clock.now
        var response: Response
        var code: String?
        do {
            try Self.checkProtocol(of: request)
            response = try await next(request, context)
        } catch {
            let error = APIError(error)
            code = error.reply.code
            response = Self.reply(to: error, request: request, logger: context.logger)
        }
        let service = MonitoredRoutes.service(of: request, route: context.endpointPath)
        if let service { try await monitor.delay(service) }
        Self.addHeaders(to: &response, context: context)
        let observation = Metrics.Observation(
            method: request.method.rawValue, route: context.endpointPath ?? "none",
            status: response.status.code, duration: begin.duration(to: clock.now),
            receivedByteCount: request.headers[.contentLength].flatMap { Int64($0) } ?? 0,
            sentByteCount: response.headers[.contentLength].flatMap { Int64($0) } ?? 0)
        metrics.observe(observation)
        if let service {
            monitor.answered(
                service, milliseconds: Int64(observation.duration / .milliseconds(1)),
                failed: MonitoredRoutes.isFailure(response.status, code: code))
        }
        Self.log(observation, context: context)
        return response
    }

    /// A device that speaks a protocol from before or after what this server knows is told so.
    private static func checkProtocol(of request: Request) throws {
        guard let text = request.headers[.martletProtocol] else { return }
        let supported = WireProtocol.oldestSupported...WireProtocol.current
        guard let number = Int(text) else {
            throw APIError.invalid(WireProtocol.header, "\(WireProtocol.header) is a number.")
        }
        guard number >= supported.lowerBound else {
            throw APIError(
                .upgradeRequired, "versionTooOld",
                "This Martlet speaks protocol \(number), the server "
                    + "\(supported.lowerBound) to \(supported.upperBound): update it.",
                fields: ["device"])
        }
        // Newer devices speak the two protocols before their own; it is theirs to choose one.
        guard number <= supported.upperBound else {
            throw APIError(
                .upgradeRequired, "versionTooOld",
                "The server speaks protocol \(supported.upperBound) at most: update the server.",
                fields: ["server"])
        }
    }

    private static func reply(
        to error: APIError, request: Request, logger: Logger
    ) -> Response {
        if let cause = error.cause, error.status.code >= 500 {
            logger.error(
                "\(error.reply.message)",
                metadata: ["code": "\(error.reply.code)", "cause": "\(cause)"])
        }
        var response =
            (try? JSONBody.reply(error.reply, status: error.status))
            ?? Response(status: error.status)
        if let seconds = error.retryAfterSeconds {
            response.headers[.retryAfter] = String(seconds)
        } else if error.status == .tooManyRequests || error.status == .serviceUnavailable {
            response.headers[.retryAfter] = "5"
        }
        if error.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        response.headers[.cacheControl] = "no-store"
        return request.method == .head ? response.createHeadResponse() : response
    }

    private static func addHeaders(to response: inout Response, context: ServerContext) {
        response.headers[.martletProtocol] = String(WireProtocol.current)
        response.headers[.requestID] = context.id
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.openerPolicy] = "same-origin"
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = SecurityHeaders.contentSecurityPolicy
        }
    }

    private static func log(_ observation: Metrics.Observation, context: ServerContext) {
        let level: Logger.Level =
            switch observation.status {
            case 500...: .error
            case 400...: .info
            default: .debug
            }
        var metadata: Logger.Metadata = [
            "milliseconds": "\(observation.duration / .milliseconds(1))",
            "received": "\(observation.receivedByteCount)",
            "sent": "\(observation.sentByteCount)",
        ]
        // Ids only: names and tokens are nobody's business in a log.
        if let actor = context.note.actor.withLock({ $0 }) {
            metadata["account"] = "\(actor.account)"
            metadata["device"] = "\(actor.device)"
        }
        context.logger.log(
            level: level, "\(observation.method) \(observation.route) \(observation.status)",
            metadata: metadata)
    }
}

enum SecurityHeaders {
    /// Scripts, styles and pictures come from this server only; no other page may frame it.
    static let contentSecurityPolicy =
        """
        default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
        object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'
        """

    /// For bytes of users, which must never run as a page of this server's.
    static let sandbox = "sandbox; default-src 'none'; frame-ancestors 'none'"
}
