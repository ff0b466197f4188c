import Foundation
import Glibc
import Synchronization

/// A load balancer in miniature: each connection goes to the next server that takes it.
final class Balancer: Sendable {
    let port: Int
    private let listener: Int32
    private let servers: Servers

    /// Those behind it, whose turn it is, and how many connections each has had.
    private final class Servers: Sendable {
        private let ports: [Int]
        private let turn = Mutex(0)
        let counts: Mutex<[Int: Int]>

        init(_ ports: [Int]) {
            self.ports = ports
            counts = Mutex(Dictionary(uniqueKeysWithValues: ports.map { ($0, 0) }))
        }

        /// `nil` while none of them is there.
        func connect() -> Int32? {
            let first = turn.withLock { turn in
                turn += 1
                return turn
            }
            for step in ports.indices {
                let port = ports[(first + step) % ports.count]
                if let connection = Balancer.connect(to: port) {
                    counts.withLock { $0[port, default: 0] += 1 }
                    return connection
                }
            }
            return nil
        }
    }

    /// Both ends of one connection, closed when neither direction is used any more.
    private final class Ends: Sendable {
        let client: Int32
        let server: Int32

        init(_ client: Int32, _ server: Int32) {
            self.client = client
            self.server = server
        }

        deinit {
            close(client)
            close(server)
        }

        /// Passes bytes on until one side ends; then both do.
        func pass(from: Int32, to: Int32) {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = read(from, &buffer, buffer.count)
                guard count > 0, send(buffer[..<count], to) else { break }
            }
            shutdown(client, Int32(SHUT_RDWR))
            shutdown(server, Int32(SHUT_RDWR))
        }

        private func send(_ bytes: ArraySlice<UInt8>, _ to: Int32) -> Bool {
            var rest = bytes
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Glibc.send(to, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { return false }
                rest = rest.dropFirst(count)
            }
            return true
        }
    }

    init(to ports: [Int]) throws {
        servers = Servers(ports)
        port = try Household.freePort()
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = Household.loopback(port: port)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isBound, listen(listener, 64) == 0 else {
            throw HouseholdError(description: "The balancer has no port.")
        }
        Thread.detachNewThread { [servers] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                guard let server = servers.connect() else {
                    close(client)
                    continue
                }
                let ends = Ends(client, server)
                Thread.detachNewThread { ends.pass(from: ends.client, to: ends.server) }
                Thread.detachNewThread { ends.pass(from: ends.server, to: ends.client) }
            }
        }
    }

    deinit {
        // Ends the thread that waits there.
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    /// How many connections each server has had, by its port.
    var connectionCounts: [Int: Int] { servers.counts.withLock { $0 } }

    private static func connect(to port: Int) -> Int32? {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Household.loopback(port: port)
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        if isConnected { return descriptor }
        close(descriptor)
        return nil
    }
}
