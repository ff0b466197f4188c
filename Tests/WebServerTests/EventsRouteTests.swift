import Foundation
import HTTPTypes
import Hummingbird
import Kernel
import Logging
import NIOCore
import NIOEmbedded
import Records
import Status
import Storage
import Synchronization
import Testing
import WebServer
import Wire

@Suite struct EventsRouteTests {
    @Test(.timeLimit(.minutes(1)))
    func `heads come at once, and a head after each commit`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        let stream = try await EventStream.open(server, by: anna)
        try await stream.run { events in
            let heads = try await events.next(2)
            #expect(Set(heads.map(\.zone)).contains(anna.photos))
            #expect(heads.allSatisfy { $0.head == 0 && $0.token?.sequence == 0 })
            try await server.run { client in
                _ = try await client.commit([.album(9)], by: berta)
                let token = try await client.commit([.album(1)], by: anna).token
                let moved = try await events.next(1)
                #expect(
                    moved == [
                        ServerEvent(
                            zone: anna.photos, epoch: token.epoch, head: token.sequence,
                            token: token)
                    ])
            }
        }
        #expect(stream.response.headers[.contentType] == "text/event-stream")
        let name = try #require(HTTPField.Name("X-Accel-Buffering"))
        #expect(stream.response.headers[name] == "no")
    }

    @Test(.timeLimit(.minutes(1)))
    func `a slow reader gets the latest head only`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna")
        let stream = try await EventStream.open(server, by: anna)
        // Nobody reads while these are committed.
        try await server.run { client in
            for number in 0..<20 {
                _ = try await client.commit([.album(UInt64(number))], by: anna)
            }
        }
        try await stream.run { events in
            let heads = try await events.next(2)
            #expect(heads.first { $0.zone == anna.photos }?.head == 20)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `the notice's version comes at once, and again when it is another, whoever changed it`()
        async throws
    {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        let stream = try await EventStream.open(server, by: anna)
        let kernel = server.server.parts.kernel
        try await stream.run { events in
            _ = try await events.next(2)
            let first = try await events.nextNotice()
            #expect(try await server.noticeVersion(of: anna) == first.version)
            // Nothing is said of what is the same, nor of another account's.
            try await server.server.noticeWatch.round()
            try await server.database.write { transaction in
                try kernel.setQuota(123_456, account: berta.account, in: transaction)
            }
            try await server.server.noticeWatch.round()
            // As a command beside the server does it.
            try await server.database.write { transaction in
                try kernel.setQuota(123_456, account: anna.account, in: transaction)
            }
            try await server.server.noticeWatch.round()
            let second = try await events.nextNotice()
            #expect(second != first)
            #expect(try await server.noticeVersion(of: anna) == second.version)
            // A request to a device is news as well.
            try await server.database.write { transaction in
                try kernel.addRequest(
                    "retry", to: anna.device, of: anna.account,
                    at: Timestamp(milliseconds: 1_790_000_000_000), in: transaction)
            }
            try await server.server.noticeWatch.round()
            #expect(try await events.nextNotice() != second)
        }
    }

    @Test func `an account has a bounded number of event streams`() async throws {
        let server = try await TestServer()
        let anna = try await server.person("anna", device: 1)
        let berta = try await server.person("berta", device: 2)
        var streams: [EventStream] = []
        for _ in 0..<Limits.eventStreamsPerAccountMax {
            streams.append(try await EventStream.open(server, by: anna))
        }
        let refused = try await EventStream.open(server, by: anna)
        #expect(refused.response.status == .tooManyRequests)
        #expect(refused.response.headers[.retryAfter] == "60")
        let other = try await EventStream.open(server, by: berta)
        #expect(other.response.status == .ok)
    }
}

extension TestServer {
    /// Which version a device's report is answered.
    fileprivate func noticeVersion(of person: Person) async throws -> String? {
        let answered = Mutex<String?>(nil)
        try await run { client in
            let reply: StateReply = try await client.send(
                .put, "/api/v1/devices/\(person.device)/state", by: person,
                json: StateRequest(version: "1", status: LibraryStatus(state: .upToDate))
            ).decoded()
            answered.withLock { $0 = reply.noticeVersion }
        }
        return answered.withLock(\.self)
    }
}

/// An event stream without a socket.
struct EventStream: Sendable {
    let response: Response

    static func open(_ server: TestServer, by person: Person) async throws -> EventStream {
        let request = Request(
            head: HTTPRequest(
                method: .get, scheme: "http", authority: "localhost", path: "/api/v1/events",
                headerFields: [.authorization: "Bearer \(person.token)"]),
            body: RequestBody(buffer: ByteBuffer()))
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        logger[metadataKey: "hb.request.id"] = "1"
        let context = ServerContext(
            source: ApplicationRequestContextSource(
                channel: NIOAsyncTestingChannel(), logger: logger))
        return EventStream(
            response: try await server.server.buildRouter().buildResponder().respond(
                to: request, context: context))
    }

    /// Writes the body while `body` reads its events.
    func run(_ body: @escaping @Sendable (EventReader) async throws -> Void) async throws {
        let reader = EventReader()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [response] in
                try? await response.body.write(PipeWriter(reader: reader))
            }
            try await body(reader)
            group.cancelAll()
        }
    }
}

final class EventReader: Sendable {
    private let parser = Mutex(EventStreamReader())
    private let stream: AsyncStream<ServerEvent>
    private let source: AsyncStream<ServerEvent>.Continuation
    private let notices: AsyncStream<NoticeEvent>
    private let noticeSource: AsyncStream<NoticeEvent>.Continuation

    init() {
        (stream, source) = AsyncStream.makeStream()
        (notices, noticeSource) = AsyncStream.makeStream()
    }

    func take(_ bytes: ByteBuffer) {
        let messages = parser.withLock { $0.read(bytes.readableBytesView) }
        for message in messages {
            let data = Data(message.data.utf8)
            if message.name == ServerEvent.zoneName,
                let event = try? JSONDecoder().decode(ServerEvent.self, from: data)
            {
                source.yield(event)
            }
            if message.name == NoticeEvent.name,
                let event = try? JSONDecoder().decode(NoticeEvent.self, from: data)
            {
                noticeSource.yield(event)
            }
        }
    }

    struct Ended: Error {}

    func nextNotice() async throws -> NoticeEvent {
        for await notice in notices { return notice }
        throw Ended()
    }

    func next(_ count: Int) async throws -> [ServerEvent] {
        var events: [ServerEvent] = []
        for await event in stream {
            events.append(event)
            if events.count == count { break }
        }
        return events
    }
}

private struct PipeWriter: ResponseBodyWriter {
    let reader: EventReader

    mutating func write(_ buffer: ByteBuffer) async throws {
        try Task.checkCancellation()
        reader.take(buffer)
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
