import HTTPTypes
import Hummingbird
import Kernel
import NIOCore
import Records
import Wire

/// `GET /zones`, `PUT /zones/{zone}`, `GET /zones/{zone}/changes`, `POST /zones/{zone}/commits`.
struct ZonesRoutes {
    let service: ZonesService

    /// Below this, compressing saves nothing that matters.
    private static let compressedByteCountMin = 1_024

    func add(to group: RouterGroup<ServerContext>) {
        let resource = Resource(group: group)
        resource.on("zones", [(.get, list)])
        resource.on("zones/{zone}", [(.put, create)])
        resource.on("zones/{zone}/changes", [(.get, changes)])
        resource.on("zones/{zone}/commits", [(.post, commit)])
    }

    @Sendable private func list(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try JSONBody.reply(
            ZonesReply(zones: try await service.zones(of: context.actor.account)))
    }

    @Sendable private func create(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let body = try await JSONBody.decode(ZoneRequest.self, from: request)
        return try JSONBody.reply(
            try await service.create(
                try context.identifier("zone"), kind: body.kind, by: try context.actor))
    }

    @Sendable private func changes(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let page = try await service.changes(
            in: try context.identifier("zone"),
            after: try request.query("after").map(ChangeToken.init(parsing:)),
            limit: try request.number(
                "limit", in: 1...Limits.recordsPerPageMax, standard: Limits.recordsPerPageMax),
            by: try context.actor)
        var response: Response
        if page.count >= Self.compressedByteCountMin,
            Gzip.isAccepted(request.headers[.acceptEncoding]),
            let compressed = Gzip.compress(page)
        {
            response = JSONBody.reply(bytes: compressed)
            response.headers[.contentEncoding] = "gzip"
        } else {
            response = JSONBody.reply(bytes: page)
        }
        response.headers[.vary] = "Accept-Encoding"
        response.headers[.cacheControl] = "no-store"
        return response
    }

    @Sendable private func commit(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let bytes = try await BodyReader.collect(
            request, byteCountMax: Limits.commitByteCountMax)
        // Commits are the largest JSON that comes in: they have a quick reader of their own. The
        // other one says where a body is wrong.
        let body =
            try (try? RecordCoding.commitRequest(String(buffer: bytes)))
            ?? JSONBody.decode(CommitRequest.self, from: bytes)
        return try JSONBody.reply(
            try await service.commit(
                body, to: try context.identifier("zone"), by: try context.actor,
                protocolNumber: request.protocolNumber))
    }
}
