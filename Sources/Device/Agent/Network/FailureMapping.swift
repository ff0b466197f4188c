import AsyncHTTPClient
import NIOCore
import Records
package import SyncEngine
package import Wire

extension RequestFailure {
    /// What a refused request means.
    ///
    /// `error` is `nil` when the answer was not the API's JSON.
    package init(status: Int, error: ErrorReply?, retryAfterSeconds: Int64?) {
        let code = error?.code ?? "http\(status)"
        switch (status, code) {
        case (_, "overQuota"), (_, "stagedFull"): self = .accountFull
        case (401, _): self = .signInNeeded
        case (403, API.appNotAllowedCode): self = .appNotAllowed
        case (404, _) where error != nil: self = .notFound
        case (410, _): self = .changeTokenExpired
        case (426, _):
            self = .versionTooOld(
                error?.message ?? "The server needs a newer version of Martlet.",
                side: error?.fields == ["server"] ? .server : .device)
        case (507, _): self = .serverStorageFull
        case (511, _): self = .stranger("HTTP 511")
        case (408, _), (504, _): self = .timedOut
        case (502, _): self = .unreachable("a proxy answers instead of it")
        case (503, API.maintenanceCode) where error?.maintenance != nil:
            self = .maintenance(
                until: error?.maintenance?.until ?? Timestamp(milliseconds: 0),
                message: error?.maintenance?.message)
        case (429, _), (503, _): self = .retryLater(code: code, seconds: retryAfterSeconds)
        case (500..., _): self = .retryLater(code: code, seconds: retryAfterSeconds)
        default:
            guard let error else {
                self = .stranger("HTTP \(status)")
                return
            }
            self = .refused(code: error.code, message: error.message)
        }
    }

    /// How the words begin when somebody else answers at the server's address.
    static let strangerText = "something else answers at its address"

    static func stranger(_ evidence: String) -> RequestFailure {
        .unreachable("\(strangerText) (\(evidence))")
    }

    /// What a request that got no answer, or only a part of one, means.
    package init(transport error: any Error) {
        switch error {
        case let failure as RequestFailure: self = failure
        case let failure as DiskError: self = .disk(failure)
        case is CancellationError: self = .interrupted
        case let error as HTTPClientError: self.init(client: error)
        default: self = .unreachable(TransportText.text(of: error))
        }
    }

    private init(client error: HTTPClientError) {
        switch error {
        case .readTimeout, .writeTimeout, .deadlineExceeded, .getConnectionFromPoolTimeout:
            self = .timedOut
        case .connectTimeout, .tlsHandshakeTimeout: self = .unreachable("no answer in time")
        case .remoteConnectionClosed, .cancelled, .uncleanShutdown, .bodyLengthMismatch,
            .requestStreamCancelled:
            self = .interrupted
        case .invalidURL, .emptyHost, .emptyScheme: self = .unreachable("its address is not valid")
        default: self = .unreachable("\(error.shortDescription)")
        }
    }
}

enum TransportText {
    /// How the words begin when the server's certificate is refused.
    static let certificate = "its certificate "
    static let untrusted = certificate + "is not trusted: nobody whom this device knows signed it"

    /// One line in the system's own words, without type names.
    static func text(of error: any Error) -> String {
        if let error = error as? IOError { return systemText(error.errnoCode) }
        if let error = error as? ChannelError, case .connectTimeout = error {
            return "no answer in time"
        }
        let text = String(describing: error)
        if text.contains("Connection refused") || text.contains("ECONNREFUSED") {
            return "connection refused"
        }
        if text.contains("nodename") || text.contains("unknown host") || text.contains("DNS") {
            return "its name cannot be found"
        }
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return "it does not speak TLS: try its address with http://"
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") || text.contains("handshake")
            || text.contains("failedToValidateHostname")
        {
            return untrusted
        }
        return "the connection failed"
    }

    private static func systemText(_ number: CInt) -> String {
        DiskError.inputOutput(errno: number).text.lowercased()
    }
}
