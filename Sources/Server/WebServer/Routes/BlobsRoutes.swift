import HTTPTypes
import Hummingbird
import Kernel
import Records
import Storage
import Wire

/// Everything under `/blobs`.
struct BlobsRoutes {
    let blobs: BlobsService
    let packs: PackService
    let receipts: ReceiptsService

    func add(to group: RouterGroup<ServerContext>) {
        let resource = Resource(group: group)
        resource.on("blobs/have", [(.post, have)])
        resource.on("blobs/wanted", [(.get, wanted), (.post, lacked)])
        resource.on("blobs/receipts", [(.post, receipts)])
        resource.on("blobs/pack", [(.post, pack)])
        resource.on("blobs/{digest}", [(.get, get), (.put, put)])
    }

    @Sendable private func have(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let body = try await JSONBody.decode(DigestsRequest.self, from: request)
        return try JSONBody.reply(
            HaveReply(
                missing: try await blobs.missing(
                    body.digests, for: try context.actor.account)))
    }

    @Sendable private func wanted(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let after = try request.uri.queryParameters.get("after").map {
            try Digest(parsing: $0)
        }
        return try JSONBody.reply(
            try await blobs.wanted(from: try context.actor.account, after: after))
    }

    @Sendable private func lacked(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let body = try await JSONBody.decode(DigestsRequest.self, from: request)
        try await blobs.lacked(body.digests, by: try context.actor)
        return Response(status: .noContent)
    }

    @Sendable private func receipts(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let body = try await JSONBody.decode(DigestsRequest.self, from: request)
        return try JSONBody.reply(
            try await receipts.receipts(for: body.digests, of: try context.actor.account))
    }

    @Sendable private func pack(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try JSONBody.reply(
            PackReply(
                results: try await packs.receive(request, for: try context.actor.account)))
    }

    @Sendable private func put(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let digest = try context.digest()
        try await blobs.put(digest, from: request, for: try context.actor.account)
        return try JSONBody.reply(BlobResult(digest: digest))
    }

    @Sendable private func get(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let digest = try context.digest()
        let location = try await blobs.location(of: digest, for: try context.actor.account)
        var response = try await BlobResponse.make(
            for: request, location: location, store: blobs.parts.store)
        response.headers[.contentType] = "application/octet-stream"
        response.headers[.contentDisposition] = "attachment"
        response.headers[.contentSecurityPolicy] = SecurityHeaders.sandbox
        return response
    }
}
