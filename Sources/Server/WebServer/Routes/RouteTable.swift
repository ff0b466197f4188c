import HTTPTypes
import Hummingbird

/// The routes of one address: answers 405 with what is allowed for every other method.
struct Resource {
    typealias Handler = @Sendable (Request, ServerContext) async throws -> Response

    private static let methods: [HTTPRequest.Method] = [
        .get, .head, .put, .post, .patch, .delete, .options,
    ]

    let group: RouterGroup<ServerContext>

    /// Registers the handlers of one path.
    ///
    /// GET also answers HEAD unless it has its own handler.
    func on(_ path: RouterPath, _ handlers: [(HTTPRequest.Method, Handler)]) {
        var registered: [HTTPRequest.Method] = []
        for (method, handler) in handlers {
            group.on(path, method: method, use: handler)
            registered.append(method)
        }
        if let get = handlers.first(where: { $0.0 == .get })?.1, !registered.contains(.head) {
            registered.append(.head)
            group.on(path, method: .head) { request, context in
                try await get(request, context).createHeadResponse()
            }
        }
        let allowed = registered.map(\.rawValue).sorted().joined(separator: ", ")
        for method in Self.methods where !registered.contains(method) {
            group.on(path, method: method) { request, context -> Response in
                throw APIError(
                    .methodNotAllowed, "methodNotAllowed", "Use one of: \(allowed).",
                    fields: allowed.split(separator: ", ").map(String.init))
            }
        }
    }
}
