import HTTPTypes
import Records
import Wire

/// Header fields that HTTPTypes has no name for.
extension HTTPField.Name {
    static let martletProtocol = known(WireProtocol.header)
    static let martletDigest = known(API.digestHeader)
    static let requestID = known("Martlet-Request")
    static let tusResumable = known("Tus-Resumable")
    static let tusVersion = known("Tus-Version")
    static let tusExtension = known("Tus-Extension")
    static let tusMaxSize = known("Tus-Max-Size")
    static let tusChecksumAlgorithm = known("Tus-Checksum-Algorithm")
    static let uploadOffset = known("Upload-Offset")
    static let uploadLength = known("Upload-Length")
    static let uploadMetadata = known("Upload-Metadata")
    static let uploadChecksum = known("Upload-Checksum")
    static let uploadExpires = known("Upload-Expires")
    static let accelBuffering = known("X-Accel-Buffering")
    static let forwardedFor = known("X-Forwarded-For")
    static let referrerPolicy = known("Referrer-Policy")
    static let fetchSite = known("Sec-Fetch-Site")
    static let openerPolicy = known("Cross-Origin-Opener-Policy")

    private static func known(_ name: String) -> HTTPField.Name {
        guard let value = HTTPField.Name(name) else {
            preconditionFailure("\(name) is no name of a header field.")
        }
        return value
    }
}
