import Dispatch
import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One end of the agent's socket.
///
/// Every call blocks, `Limits.controlSecondsMax` at most.
struct ControlSocket: Sendable {
    let descriptor: Descriptor

    /// `nil` when the system gives none.
    init?() {
        #if os(Linux)
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
        let number = socket(AF_UNIX, SOCK_STREAM, 0)
        #endif
        guard number >= 0 else { return nil }
        self.init(Descriptor(number))
    }

    init(_ descriptor: Descriptor) {
        self.descriptor = descriptor
        var time = timeval(tv_sec: Limits.controlSecondsMax, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor.number, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(descriptor.number, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    }

    func listen(at path: String) -> Bool {
        Self.withAddress(path) { address, size in
            unlink(path)
            return bind(descriptor.number, address, size) == 0 && chmod(path, 0o600) == 0
                && systemListen(descriptor.number, Int32(Limits.controlConnectionsMax)) == 0
        }
    }

    func connect(to path: String) -> Bool {
        Self.withAddress(path) { address, size in
            systemConnect(descriptor.number, address, size) == 0
        }
    }

    func accept() -> ControlSocket? {
        let number = systemAccept(descriptor.number)
        return number >= 0 ? ControlSocket(Descriptor(number)) : nil
    }

    func send(_ value: some Encodable) -> Bool {
        guard let data = try? JSONEncoder().encode(value) else { return false }
        let bytes = Array(data) + [UInt8(ascii: "\n")]
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                systemSend(descriptor.number, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// `nil` when no whole line of this form came in time.
    func receive<Value: Decodable>(_ type: Value.Type) -> Value? {
        var line: [UInt8] = []
        var step = [UInt8](repeating: 0, count: 4 << 10)
        while line.last != UInt8(ascii: "\n") {
            let count = step.withUnsafeMutableBytes {
                recv(descriptor.number, $0.baseAddress, $0.count, 0)
            }
            guard count > 0, line.count + count <= Limits.controlLineByteCountMax else {
                return nil
            }
            line.append(contentsOf: step[..<count])
        }
        return try? JSONDecoder().decode(type, from: Data(line))
    }

    /// An address holds 100 bytes or so; a longer path is reached through its open folder.
    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        var text = path
        var folder: Descriptor?
        if text.utf8.count > room, let slash = path.lastIndex(of: "/") {
            folder = try? Descriptor.openFolder(Array(path[..<slash].utf8))
            text = "/proc/self/fd/\(folder?.number ?? -1)\(path[slash...])"
        }
        guard text.utf8.count <= room else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: text.utf8) }
        return withExtendedLifetime(folder) {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }
}

private func systemListen(_ number: Int32, _ count: Int32) -> Int32 { listen(number, count) }

private func systemConnect(
    _ number: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t
) -> Int32 {
    connect(number, address, size)
}

private func systemAccept(_ number: Int32) -> Int32 {
    let accepted = accept(number, nil, nil)
    if accepted >= 0 { _ = fcntl(accepted, F_SETFD, FD_CLOEXEC) }
    return accepted
}

private func systemSend(_ number: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    #if os(Linux)
    send(number, bytes, count, Int32(MSG_NOSIGNAL))
    #else
    send(number, bytes, count, 0)
    #endif
}
