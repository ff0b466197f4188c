/// The paths and headers of the HTTP API (Documentation/http-api.yaml).
package enum API {
    package static let prefix = "/api/v1"
    package static let identity = "/api/v1/identity"
    package static let events = "/api/v1/events"
    package static let devices = "/api/v1/devices"
    package static let zones = "/api/v1/zones"
    package static let blobs = "/api/v1/blobs"
    package static let have = "/api/v1/blobs/have"
    package static let pack = "/api/v1/blobs/pack"
    package static let receipts = "/api/v1/blobs/receipts"
    package static let uploads = "/api/v1/uploads"
    package static let sessions = "/api/v1/sessions"
    package static let wanted = "/api/v1/blobs/wanted"
    package static let photos = "/api/v1/photos"
    package static let storage = "/api/v1/storage"
    package static let storageRequest = "/api/v1/storage/request"
    package static let systemStatus = "/api/v1/system-status"

    /// Of the error that answers what a server under maintenance does not take.
    package static let maintenanceCode = "serverMaintenance"

    /// Of the error that answers requests to a service that is switched off for the account.
    package static let appNotAllowedCode = "appNotAllowed"

    package static let packMediaType = "application/vnd.martlet.pack"
    /// tus 1.0 (tus.io/protocols/resumable-upload): the header and its only value here.
    package static let tusVersion = "1.0.0"
    /// The digest of the whole blob, 64 hexadecimal digits; on the part that finishes an upload.
    package static let digestHeader = "Martlet-Digest"
}

/// Every error of the API.
package struct ErrorReply: Hashable, Sendable, Codable, Error {
    /// Stable, for programs.
    package let code: String
    /// A sentence that says what to do.
    package let message: String
    /// The fields or digests that it is about.
    package let fields: [String]
    /// With the code `serverMaintenance`.
    package let maintenance: MaintenanceDescription?

    package init(
        code: String, message: String, fields: [String] = [],
        maintenance: MaintenanceDescription? = nil
    ) {
        self.code = code
        self.message = message
        self.fields = fields
        self.maintenance = maintenance
    }
}

/// The version of the software; its protocol is `WireProtocol.current`.
package enum MartletVersion {
    package static let text = "0.1.0"
}
