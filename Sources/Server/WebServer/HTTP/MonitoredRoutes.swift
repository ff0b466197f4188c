import HTTPTypes
import Hummingbird
import Operations
import Records
import Wire

/// Which service a request measures.
enum MonitoredRoutes {
    private static let services: [(prefix: String, service: MonitoredService)] = [
        (API.sessions, .accounts), (API.devices, .accounts),
        (API.storage, .accounts),
        (API.zones, .photos), (API.blobs, .photos), (API.uploads, .photos),
        (API.photos, .photos),
    ]

    /// `nil`: none, because the time that it takes is not the server's own, but the client's that
    /// sends, that of reading gigabytes back for receipts, or a password's, which is slow on purpose.
    static func service(of request: Request, route: String?) -> MonitoredService? {
        guard let route, route != API.receipts else { return nil }
        if request.method == .put, route.hasPrefix(API.sessions) { return nil }
        if request.headers[.transferEncoding] != nil { return nil }
        let byteCount = request.headers[.contentLength].flatMap { Int64($0) } ?? 0
        guard byteCount <= Limits.measuredBodyByteCountMax else { return nil }
        return services.first { route == $0.prefix || route.hasPrefix($0.prefix + "/") }?.service
    }

    /// Whether an answer says that the server itself failed.
    ///
    /// A full disk and maintenance are said as such.
    static func isFailure(_ status: HTTPResponse.Status, code: String?) -> Bool {
        status.code >= 500 && status != .insufficientStorage && code != API.maintenanceCode
    }
}
