import Kernel
import HTTPTypes
import Hummingbird
import Records
import Wire

/// `GET /devices`, `PUT /devices/{device}/state`, `POST /devices/{device}/requests`.
struct DevicesRoutes {
    let service: DevicesService

    func add(to group: RouterGroup<ServerContext>) {
        let resource = Resource(group: group)
        resource.on("devices", [(.get, list)])
        resource.on("devices/{device}/state", [(.put, report)])
        resource.on("devices/{device}/requests", [(.post, ask)])
    }

    @Sendable private func list(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        try JSONBody.reply(
            DevicesReply(devices: try await service.devices(of: context.actor.account)))
    }

    @Sendable private func report(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let actor = try context.actor
        guard try context.identifier("device", as: DeviceID.self) == actor.device else {
            throw APIError(
                .forbidden, "notAllowed", "A device reports its own state only.",
                fields: ["device"])
        }
        let state = try await JSONBody.decode(
            StateRequest.self, from: request, byteCountMax: Limits.deviceStateByteCountMax)
        return try JSONBody.reply(try await service.report(state, by: actor))
    }

    @Sendable private func ask(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let actor = try context.actor
        let device = try context.identifier("device", as: DeviceID.self)
        let body = try await JSONBody.decode(
            DeviceRequest.self, from: request, byteCountMax: Limits.deviceStateByteCountMax)
        try await service.ask(device, body, by: actor)
        return Response(status: .noContent)
    }
}
