import HTTPTypes
import Hummingbird
import Kernel
import Wire

/// `GET /storage`, `PUT` and `DELETE /storage/request`.
struct StorageRoutes {
    let service: StorageService

    func add(to group: RouterGroup<ServerContext>) {
        let resource = Resource(group: group)
        resource.on("storage", [(.get, storage)])
        resource.on("storage/request", [(.put, ask), (.delete, withdraw)])
    }

    @Sendable private func storage(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try JSONBody.reply(try await service.storage(of: try context.actor.account))
    }

    @Sendable private func ask(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let account = try context.actor.account
        let question = try await JSONBody.decode(PlanQuestion.self, from: request)
        return try JSONBody.reply(try await service.ask(for: question.plan, by: account))
    }

    @Sendable private func withdraw(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try await service.withdraw(by: try context.actor.account)
        return Response(status: .noContent)
    }
}
