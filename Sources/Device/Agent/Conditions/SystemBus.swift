#if os(Linux)
import Records

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// A connection to the system's message bus that asks services for single values.
///
/// It speaks D-Bus itself: the agent asks every few seconds, and starting `busctl` for each question
/// would cost more than all the rest that it does. Every call blocks, `Limits.busMillisecondsMax` at
/// most for each answer.
package final class SystemBus {
    private let descriptor: Descriptor
    private var serial: UInt32 = 0

    /// Where the bus listens unless DBUS_SYSTEM_BUS_ADDRESS says another place.
    package static func path(environment: [String: String]) -> String {
        let address = environment["DBUS_SYSTEM_BUS_ADDRESS"] ?? ""
        let start = "unix:path="
        guard address.hasPrefix(start) else { return "/run/dbus/system_bus_socket" }
        return String(address.dropFirst(start.count).prefix { $0 != "," && $0 != ";" })
    }

    /// `nil` when no bus is there, or it lets us not in.
    package init?(path: String) {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return nil }
        descriptor = Descriptor(number)
        var time = timeval(tv_sec: 0, tv_usec: Int(Limits.busMillisecondsMax) * 1_000)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(number, SOL_SOCKET, SO_SNDTIMEO, &time, size)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isConnected, greet() else { return nil }
    }

    /// The first value of the answer; `nil` for an error, and for a service that does not run.
    ///
    /// Throws `SystemBusGone` when the connection is of no more use.
    package func call(
        _ destination: String, _ path: String, _ interface: String, _ member: String,
        _ arguments: String...
    ) throws(SystemBusGone) -> BusMessage.Value? {
        serial += 1
        let message = BusMessage.call(
            serial: serial, destination: destination, path: path, interface: interface,
            member: member, arguments)
        guard send(message) else { throw SystemBusGone() }
        for _ in 0..<Self.messagesSkippedMax {
            let answer = try receive()
            guard answer?.replySerial == serial else { continue }
            return answer?.kind == .reply ? answer?.value : nil
        }
        throw SystemBusGone()
    }

    /// A property of a service's object.
    package func property(
        _ name: String, of interface: String, at path: String, in destination: String
    ) throws(SystemBusGone) -> BusMessage.Value? {
        try call(
            destination, path, "org.freedesktop.DBus.Properties", "Get", interface, name)
    }

    /// Signals that nobody asked for.
    private static let messagesSkippedMax = 100

    /// By the user's own number, which the socket proves.
    private func greet() -> Bool {
        let user = Array(String(getuid()).utf8)
            .map { String($0, radix: 16) }.joined()
        guard send([0] + Array("AUTH EXTERNAL \(user)\r\n".utf8)) else { return false }
        var line: [UInt8] = []
        while line.last != UInt8(ascii: "\n"), line.count < 512 {
            guard let byte = receive(byteCount: 1)?.first else { return false }
            line.append(byte)
        }
        guard line.starts(with: Array("OK ".utf8)), send(Array("BEGIN\r\n".utf8)) else {
            return false
        }
        let name = "org.freedesktop.DBus"
        let own = try? call(name, "/org/freedesktop/DBus", name, "Hello")
        return own != nil
    }

    private func receive() throws(SystemBusGone) -> BusMessage? {
        guard let head = receive(byteCount: BusMessage.headByteCount),
            let byteCount = BusMessage.byteCount(ofHead: head),
            let rest = receive(byteCount: byteCount - head.count)
        else { throw SystemBusGone() }
        return BusMessage(head + rest)
    }

    private func receive(byteCount: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var done = 0
        while done < byteCount {
            let count = bytes[done...].withUnsafeMutableBytes {
                recv(descriptor.number, $0.baseAddress, $0.count, 0)
            }
            guard count > 0 else { return nil }
            done += count
        }
        return bytes
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes {
                systemSend(descriptor.number, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}

private func systemSend(_ number: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    send(number, bytes, count, Int32(MSG_NOSIGNAL))
}

/// The connection broke, or nobody answered in time.
package struct SystemBusGone: Error {}
#endif
