import Dispatch
import Records

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Answers on the agent's socket while the agent runs.
package final class ControlServer: Sendable {
    private let path: String
    private let loop: ReadLoop
    private let pool = WorkPool(threadCount: 2)

    /// `nil` when no socket can be made there; the agent works without one.
    package init?(
        home: DeviceHome, answer: @escaping @Sendable (ControlRequest) async -> ControlReply
    ) {
        path = home.socketPath
        guard let socket = ControlSocket(), socket.listen(at: path) else { return nil }
        let loop = ReadLoop(socket.descriptor, label: "martlet.control") { [pool] in
            guard let connection = socket.accept() else { return }
            pool.submit {
                guard let request = connection.receive(ControlRequest.self) else { return }
                Task {
                    let reply = await answer(request)
                    pool.submit { _ = connection.send(reply) }
                }
            }
        }
        guard let loop else { return nil }
        self.loop = loop
    }

    package func stop() {
        loop.stop()
        _ = unlink(path)
        Task { [pool] in await pool.stop() }
    }
}

/// Asks the agent that runs for a home.
package struct ControlClient: Sendable {
    private let path: String

    package init(_ home: DeviceHome) { path = home.socketPath }

    /// `nil` when no agent runs.
    package func ask(
        _ ask: ControlRequest.Ask, about: String? = nil
    ) async -> ControlReply? {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [path] in
                guard let socket = ControlSocket(), socket.connect(to: path),
                    socket.send(ControlRequest(ask, about: about))
                else { return continuation.resume(returning: nil) }
                continuation.resume(returning: socket.receive(ControlReply.self))
            }
        }
    }
}
