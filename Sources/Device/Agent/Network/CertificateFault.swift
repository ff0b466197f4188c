import NIOCore
import NIOPosix
import NIOSSL
package import Records
import Status
package import SyncEngine

/// Why a device does not accept the certificate that a server shows.
package enum CertificateFault: Hashable, Sendable {
    case ended(Timestamp)
    case notBegun(Timestamp)
    /// It is for these names and addresses, and not for the server's.
    case ofOther(names: [String], host: String)
    /// Nobody whom this device knows signed it.
    case untrusted

    /// Completes “… does not answer: …”.
    package var text: String {
        switch self {
        case .ended(let time):
            "its certificate ended on \(EvidenceText.time(time)) by this device's clock"
        case .notBegun(let time):
            "its certificate begins on \(EvidenceText.time(time)) by this device's clock"
        case .ofOther(let names, let host):
            "its certificate is for \(names.isEmpty ? "no name" : names.joined(separator: ", ")), "
                + "not for \(host)"
        case .untrusted: TransportText.untrusted
        }
    }
}

/// Looks at a certificate that was refused: what refused it does not say why.
///
/// It connects once more, takes the certificate, and ends before anything is sent.
enum CertificateLook {
    /// `nil` when no certificate is shown.
    static func fault(of address: ServerAddress, at now: Timestamp) async -> CertificateFault? {
        guard let shown = await shown(by: address) else { return nil }
        let (began, ended) = (shown.notValidBefore, shown.notValidAfter)
        if Int64(ended) * 1_000 < now.milliseconds {
            return .ended(Timestamp(milliseconds: Int64(ended) * 1_000))
        }
        if Int64(began) * 1_000 > now.milliseconds {
            return .notBegun(Timestamp(milliseconds: Int64(began) * 1_000))
        }
        let names = names(of: shown)
        guard names.contains(where: { fits($0, address.host) }) else {
            return .ofOther(
                names: Array(names.prefix(Limits.certificateNamesShownMax)), host: address.host)
        }
        return .untrusted
    }

    private static func shown(by address: ServerAddress) async -> NIOSSLCertificate? {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let shown = loop.makePromise(of: NIOSSLCertificate?.self)
        let seconds = TimeAmount.seconds(Limits.connectSecondsMax)
        let end = loop.scheduleTask(in: seconds) { shown.succeed(nil) }
        defer { end.cancel() }
        do {
            let channel = try await ClientBootstrap(group: loop).connectTimeout(seconds)
                .channelInitializer { [host = address.host] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(handler(for: host, shown))
                    }
                }
                .connect(host: address.host, port: address.port).get()
            channel.closeFuture.whenComplete { _ in shown.succeed(nil) }
            let certificate = try await shown.futureResult.get()
            channel.close(promise: nil)
            return certificate
        } catch {
            shown.succeed(nil)
            return nil
        }
    }

    /// Trusts nothing: the handshake breaks off as soon as the certificate is there.
    private static func handler(
        for host: String, _ shown: EventLoopPromise<NIOSSLCertificate?>
    ) throws -> NIOSSLClientHandler {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates([])
        // An address is no name.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(
            context: NIOSSLContext(configuration: configuration),
            serverHostname: isAddress ? nil : host,
            customVerificationCallback: { certificates, verdict in
                shown.succeed(certificates.first)
                verdict.succeed(.failed)
            })
    }

    private static func names(of certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().compactMap { name in
            let bytes = name.contents.withUnsafeBufferPointer { Array($0) }
            switch name.nameType {
            case .dnsName: return String(decoding: bytes, as: UTF8.self)
            case .ipAddress:
                let packed = ByteBuffer(bytes: bytes)
                return (try? SocketAddress(packedIPAddress: packed, port: 0))?.ipAddress
            default: return nil
            }
        }
    }

    /// A star stands for one label (RFC 6125).
    static func fits(_ name: String, _ host: String) -> Bool {
        let (name, host) = (name.lowercased(), host.lowercased())
        guard name.hasPrefix("*."), let point = host.firstIndex(of: ".") else {
            return name == host
        }
        return name.dropFirst() == host[point...]
    }
}

extension ServerClient {
    /// What is wrong with the server's certificate, when that is why a request failed.
    package func certificateFault(behind failure: RequestFailure) async -> CertificateFault? {
        guard case .unreachable(let cause) = failure, cause.hasPrefix(TransportText.certificate)
        else { return nil }
        return await CertificateLook.fault(of: address, at: now().wall)
    }
}

extension Limits {
    static let certificateNamesShownMax = 3
}
