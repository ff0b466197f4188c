import AsyncHTTPClient

/// Why a store refused a request or gave no answer to it.
struct S3Failure: Error, Hashable, CustomStringConvertible {
    /// `nil` when there was no answer.
    var status: Int?
    /// The store's own word, such as `NoSuchKey`; empty when it gave none.
    var code = ""
    var message = ""
    var retryAfterSeconds: Int64?
    /// Where the bucket is, when the store says so.
    var region: String?

    var description: String {
        "HTTP \(status.map { "\($0)" } ?? "-") \(code) \(message.prefix(500))"
    }

    /// What an answer means that is none of success; error bodies of any shape will do.
    init(_ answer: S3Answer) {
        status = answer.status
        retryAfterSeconds = answer.header("retry-after").flatMap { Int64($0) }
        region = answer.header("x-amz-bucket-region")
        guard let error = XMLElement(parsing: answer.body), error.name == "Error" else { return }
        code = error["Code"]?.text ?? ""
        message = error["Message"]?.text ?? ""
        region = region ?? error["Region"]?.text
    }

    /// A request that got no answer, or only a part of one.
    init(transport error: any Error) { message = Self.text(of: error) }

    init(message: String) { self.message = message }

    /// Whether the same request may succeed a moment later.
    var mayPass: Bool {
        switch code {
        case "RequestTimeTooSkewed": false
        case "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout",
            "OperationAborted", "BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody":
            true
        default:
            switch status {
            case nil, 408, 429, 500, 502, 503, 504: true
            default: false
            }
        }
    }

    /// Whether a store answered or took the request at least, so that the place is the right one.
    var isFromStore: Bool { status != nil || message == Self.broken }

    private static let broken = "the connection broke"

    private static func text(of error: any Error) -> String {
        switch error as? HTTPClientError {
        case .connectTimeout, .tlsHandshakeTimeout, .readTimeout, .writeTimeout,
            .deadlineExceeded, .getConnectionFromPoolTimeout:
            return "no answer in time"
        case .remoteConnectionClosed, .uncleanShutdown: return broken
        default: break
        }
        let text = String(describing: error)
        if text.contains("Connection refused") || text.contains("ECONNREFUSED") {
            return "connection refused"
        }
        if text.contains("unknown host") || text.contains("nodename") {
            return "its name cannot be found"
        }
        if text.contains("CERTIFICATE_VERIFY_FAILED") {
            return "its certificate is not trusted"
        }
        return "the connection failed"
    }
}

extension StorageError {
    /// What a failure means for who asked: a stable code, and a sentence that says what to do.
    init(_ failure: S3Failure, at place: S3Place, key: String? = nil) {
        let (code, message) = Self.words(for: failure, at: place, key: key)
        self.init(code, message, cause: failure)
    }

    private static func words(
        for failure: S3Failure, at place: S3Place, key: String?
    ) -> (Code, String) {
        let store = "The object store \(place.endpoint)"
        switch failure.code {
        case "NoSuchKey":
            return (.objectNotFound, "The object \(key ?? "") is not in \(place.text).")
        case "NoSuchBucket":
            return (
                .bucketNotFound,
                "There is no bucket \(place.bucket) at \(place.endpoint): make it, or correct "
                    + "its name, such as in --blobs."
            )
        case "InvalidAccessKeyId":
            return (
                .objectStoreRefused,
                "\(store) does not know the access key: correct AWS_ACCESS_KEY_ID."
            )
        case "SignatureDoesNotMatch":
            return (
                .objectStoreRefused,
                "\(store) refuses the secret key: correct AWS_SECRET_ACCESS_KEY. Some stores say "
                    + "the same of a key that they don't know: AWS_ACCESS_KEY_ID."
            )
        case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
            return (
                .objectStoreRefused,
                "\(store) refuses the session token: renew AWS_SESSION_TOKEN and the keys."
            )
        case "RequestTimeTooSkewed", "RequestExpired":
            return (
                .clockWrong,
                "\(store) has another time than this machine: set the machine's clock."
            )
        case "PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException", "InvalidRegionName":
            return wrongRegion(failure, place)
        case "QuotaExceeded", "QuotaExceededException", "InsufficientStorage",
            "XMinioStorageFull", "StorageFull", "TooManyBytes":
            return (.diskFull, "\(store) is full: free some space, or raise the bucket's quota.")
        case "InvalidRange":
            return (.damaged, "An object in \(place.text) ends before its size.")
        default: return words(forStatus: failure, at: place)
        }
    }

    private static func words(
        forStatus failure: S3Failure, at place: S3Place
    ) -> (Code, String) {
        let store = "The object store \(place.endpoint)"
        if failure.mayPass {
            let why = failure.message.isEmpty ? "HTTP \(failure.status ?? 0)" : failure.message
            return (
                .objectStoreUnreachable,
                "\(store) does not answer as it should (\(why.prefix(200))): look whether it runs "
                    + "and can be reached."
            )
        }
        switch failure.status {
        case 301, 307, 308: return wrongRegion(failure, place)
        case 401, 403:
            return (
                .objectStoreRefused,
                "\(store) does not allow this key to work in \(place.text): let it list the bucket "
                    + "and get, put and delete its objects."
            )
        case 416: return (.damaged, "An object in \(place.text) ends before its size.")
        case 507:
            return (.diskFull, "\(store) is full: free some space, or raise the bucket's quota.")
        case 404 where failure.code.isEmpty:
            return (
                .objectStoreUnreachable,
                "Something that is no object store answers at \(place.endpoint): correct "
                    + "AWS_ENDPOINT_URL_S3."
            )
        default:
            return (
                .failed,
                "\(store) refuses a request (\(failure.code.isEmpty ? "HTTP" : failure.code) "
                    + "\(failure.status ?? 0)): its own log may say why."
            )
        }
    }

    private static func wrongRegion(_ failure: S3Failure, _ place: S3Place) -> (Code, String) {
        let remedy =
            failure.region.map { "set AWS_REGION to \($0)" } ?? "correct AWS_REGION"
        return (
            .wrongRegion,
            "The bucket \(place.bucket) is not in the region \(place.region): \(remedy)."
        )
    }

    /// The store's own word for why, when there is one.
    var s3Code: String? { (cause as? S3Failure)?.code }
}
