import Kernel
import HTTPTypes
import Hummingbird
import NIOCore
import Records
import ServiceLifecycle
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `GET /events`: server-sent events (WHATWG HTML, section 9.2).
///
/// On connection each zone's head and the version of what only the server knows, then the latest head
/// of a zone that moved, and the version when it is another; a comment every 20 seconds. With each comment the heads are read again, so that a head that another process
/// moved comes late but never gets lost.
struct EventsRoutes {
    let zones: ZonesService
    let notices: NoticesService
    let hub: EventHub
    let clock: any Clock<Duration>

    func add(to group: RouterGroup<ServerContext>) {
        Resource(group: group).on("events", [(.get, events)])
    }

    @Sendable private func events(
        _ request: Request, context: ServerContext
    ) async throws -> Response {
        let account = try context.actor.account
        let headers: HTTPFields = [
            .contentType: "text/event-stream", .cacheControl: "no-store", .accelBuffering: "no",
        ]
        guard request.method == .get else { return Response(status: .ok, headers: headers) }
        let subscription = try hub.add(for: account)
        do {
            // Heads are read behind the subscription, so that none can fall between the two.
            subscription.offer(try await heads(of: account))
            for (_, notice) in try await notices.versions(of: [account]) {
                subscription.offer(notice)
            }
        } catch {
            hub.remove(subscription)
            throw error
        }
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { writer in
                defer { hub.remove(subscription) }
                try await withGracefulShutdownHandler {
                    try await send(subscription, to: &writer)
                } onGracefulShutdown: {
                    subscription.finish()
                }
                try await writer.finish(nil)
            })
    }

    @concurrent private func send(
        _ subscription: EventSubscription, to writer: inout any ResponseBodyWriter
    ) async throws {
        let clock = clock
        let ticks = Task {
            while !Task.isCancelled {
                try await clock.sleep(for: .seconds(Limits.eventStreamCommentSeconds))
                subscription.tick()
            }
        }
        defer { ticks.cancel() }
        try await writer.write(ByteBuffer(string: ": heads follow\n\n"))
        for await _ in subscription.wakes {
            var news = subscription.take()
            if news.isEmpty {
                subscription.offer(try await heads(of: subscription.account))
                news = subscription.take()
            }
            try await writer.write(Self.text(of: news))
        }
    }

    private func heads(of account: AccountID) async throws -> [ServerEvent] {
        try await zones.zones(of: account).map {
            ServerEvent(zone: $0.id, epoch: $0.epoch, head: $0.head, token: $0.token)
        }
    }

    /// A comment when there is nothing to say.
    private static func text(of news: EventSubscription.News) throws -> ByteBuffer {
        guard !news.isEmpty else { return ByteBuffer(string: ":\n\n") }
        var buffer = ByteBuffer()
        for head in news.heads { try write(head, named: ServerEvent.zoneName, to: &buffer) }
        if let notice = news.notice {
            try write(notice, named: NoticeEvent.name, to: &buffer)
        }
        return buffer
    }

    private static func write(
        _ event: some Encodable, named name: String, to buffer: inout ByteBuffer
    ) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        buffer.writeString("event: \(name)\ndata: ")
        buffer.writeBytes(try encoder.encode(event))
        buffer.writeString("\n\n")
    }
}
