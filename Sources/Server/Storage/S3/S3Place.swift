package import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Time and chance, as an object store in a bucket gets them.
package struct S3Surroundings: Sendable {
    let now: @Sendable () -> Timestamp
    let clock: any Clock<Duration>
    let randomNumber: @Sendable () -> UInt64

    package init(
        now: @escaping @Sendable () -> Timestamp, clock: any Clock<Duration>,
        randomNumber: @escaping @Sendable () -> UInt64
    ) {
        self.now = now
        self.clock = clock
        self.randomNumber = randomNumber
    }
}

/// A bucket, or a part of one, and who asks for it: `s3://BUCKET[/PREFIX]` and the environment.
///
///     AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY    needed
///     AWS_SESSION_TOKEN                           with keys that are good for a while only
///     AWS_REGION                                  us-east-1 without it
///     AWS_ENDPOINT_URL_S3                         of stores other than AWS's own
///
/// AWS's own store is addressed in virtual-host style (`https://BUCKET.s3.REGION…`), any other in
/// path style (`ENDPOINT/BUCKET`), unless `?style=virtual` or `?style=path` says otherwise.
package struct S3Place: Sendable {
    package enum Style: String, Sendable { case path, virtual }

    /// What it is for.
    package enum Use: Sendable {
        /// A server's own objects.
        case blobs
        /// With variables of the environment of their own, `MARTLET_BACKUP_AWS_…`, when its key is
        /// among them: a store other than that of the server's objects.
        case backups

        fileprivate var sentence: String {
            switch self {
            case .blobs: "--blobs takes directory or s3://BUCKET[/PREFIX], such as s3://photos/home"
            case .backups: "A backup goes into a folder, or s3://BUCKET[/PREFIX]"
            }
        }

        fileprivate func value(_ name: String, _ environment: [String: String]) -> String? {
            let own = "MARTLET_BACKUP_"
            let hasOwn =
                self == .backups && environment[own + "AWS_ACCESS_KEY_ID"]?.isEmpty == false
            return environment[hasOwn ? own + name : name].flatMap { $0.isEmpty ? nil : $0 }
        }
    }

    /// `http` or `https`.
    package let scheme: String
    /// The endpoint's name and, unless it is the scheme's own, port.
    package let endpoint: String
    package let bucket: String
    /// Empty, or ending with a slash.
    package let prefix: String
    package let region: String
    package let style: Style
    package let credentials: S3Credentials

    /// Throws `invalidPlace`, with a sentence about what is missing.
    package init(
        parsing text: String, environment: [String: String], for use: Use = .blobs
    ) throws(StorageError) {
        let (bucket, prefix, style) = try Self.split(text, for: use)
        func value(_ name: String) -> String? { use.value(name, environment) }
        guard let accessKey = value("AWS_ACCESS_KEY_ID"),
            let secretKey = value("AWS_SECRET_ACCESS_KEY")
        else {
            throw StorageError(
                .invalidPlace,
                "\(text) needs a key: put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into the "
                    + "environment.")
        }
        self.bucket = bucket
        self.prefix = prefix
        region = value("AWS_REGION") ?? "us-east-1"
        credentials = S3Credentials(
            accessKey: accessKey, secretKey: secretKey, sessionToken: value("AWS_SESSION_TOKEN"))
        if let url = value("AWS_ENDPOINT_URL_S3") {
            (scheme, endpoint) = try Self.endpoint(url)
            self.style = style ?? .path
        } else {
            scheme = "https"
            endpoint = "s3.\(region).amazonaws.com"
            // A name with dots has no certificate as a host.
            self.style = style ?? (bucket.contains(".") ? .path : .virtual)
        }
    }

    /// How people and messages name it.
    package var text: String { "s3://\(bucket)\(prefix.isEmpty ? "" : "/\(prefix.dropLast())")" }

    /// Whether both are in one bucket, whatever the prefixes.
    package func isInBucket(of other: S3Place) -> Bool {
        let isAmazon = [self, other].allSatisfy { $0.endpoint.hasSuffix(".amazonaws.com") }
        return bucket == other.bucket && (isAmazon || endpoint == other.endpoint)
    }

    /// What requests are sent to.
    var host: String { style == .path ? endpoint : "\(bucket).\(endpoint)" }

    /// The address of a key, or of the bucket itself, without a query.
    package func address(of key: String?) -> String { "\(scheme)://\(host)\(path(of: key))" }

    /// The encoded path of a key, or of the bucket itself.
    func path(of key: String?) -> String {
        let path = (key ?? "").isEmpty ? "" : "/" + S3Text.encode(key ?? "", keepingSlashes: true)
        switch style {
        case .path: return "/" + S3Text.encode(bucket) + path
        case .virtual: return path.isEmpty ? "/" : path
        }
    }

    private static func split(
        _ text: String, for use: Use
    ) throws(StorageError) -> (bucket: String, prefix: String, style: Style?) {
        let bad = StorageError(
            .invalidPlace,
            "\(use.sentence), not “\(text.prefix(200))”.")
        guard text.hasPrefix("s3://") else { throw bad }
        let parts = text.dropFirst("s3://".count).split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let names = parts[0].split(separator: "/")
        guard let bucket = names.first, isBucketName(bucket), names.allSatisfy(isName) else {
            throw bad
        }
        var style: Style?
        if parts.count > 1 {
            guard parts[1].hasPrefix("style="),
                let named = Style(rawValue: String(parts[1].dropFirst(6)))
            else { throw bad }
            style = named
        }
        let prefix = names.dropFirst().map { $0 + "/" }.joined()
        guard prefix.utf8.count <= 512 else { throw bad }
        return (String(bucket), prefix, style)
    }

    /// Letters, digits, dots and hyphens, as all stores take them.
    private static func isBucketName(_ name: Substring) -> Bool {
        (3...63).contains(name.utf8.count)
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                    UInt8(ascii: "-"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func isName(_ name: Substring) -> Bool {
        name != "." && name != ".."
            && name.unicodeScalars.allSatisfy { $0.value > 32 && $0.value < 127 }
    }

    private static func endpoint(
        _ text: String
    ) throws(StorageError) -> (scheme: String, endpoint: String) {
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(),
            scheme == "http" || scheme == "https", let host = url.host(), !host.isEmpty,
            url.path().isEmpty || url.path() == "/", url.query() == nil, url.user() == nil
        else {
            throw StorageError(
                .invalidPlace,
                "AWS_ENDPOINT_URL_S3 takes an address such as https://storage.example.org, "
                    + "not “\(text.prefix(200))”.")
        }
        let isOwnPort = url.port == nil || url.port == (scheme == "https" ? 443 : 80)
        let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        return (scheme, isOwnPort ? name : "\(name):\(url.port ?? 0)")
    }
}
