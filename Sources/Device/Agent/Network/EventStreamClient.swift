import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Records
import SyncEngine
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Follows the server's event stream for as long as its task runs: state, not a log, so that a
/// connection that broke is simply made again.
struct EventStreamClient: Sendable {
    let client: ServerClient
    let zone: ZoneID
    let sleep: @Sendable (Duration) async throws -> Void
    let post: @Sendable (Event) -> Void

    func run() async {
        var failures = 0
        while !Task.isCancelled {
            do throws(RequestFailure) {
                let response = try await connect()
                // The server answers again: what waits for it needs wait no longer.
                if failures > 0 { post(.command(.retryNow)) }
                failures = 0
                await follow(response.body)
                if !Task.isCancelled { post(.eventStreamEnded) }
            } catch {
                failures += 1
                if failures == 1 { post(.eventStreamEnded) }
            }
            let seconds = min(Int64(1) << Int64(min(failures, 5)), Limits.reconnectSecondsMax)
            do { try await sleep(.seconds(seconds)) } catch { return }
        }
    }

    private func connect() async throws(RequestFailure) -> HTTPClientResponse {
        try await client.send(
            ServerClient.Call(path: API.events, headers: [("Accept", "text/event-stream")]))
    }

    private func follow(_ body: HTTPClientResponse.Body) async {
        var reader = EventStreamReader()
        do {
            for try await part in body {
                for message in reader.read(part.readableBytesView) { handle(message) }
            }
        } catch {
            // It broke: `run` makes it again.
        }
    }

    private func handle(_ message: EventStreamReader.Message) {
        if message.name == NoticeEvent.name,
            let event = try? JSONDecoder().decode(NoticeEvent.self, from: Data(message.data.utf8))
        {
            return post(.noticeChanged(version: event.version))
        }
        guard message.name == ServerEvent.zoneName,
            let event = try? JSONDecoder().decode(ServerEvent.self, from: Data(message.data.utf8)),
            event.zone == zone
        else { return }
        post(.zoneChanged(head: event.head, token: event.token))
    }
}
