import Crypto
package import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What a bucket's owner hands out: an access key and its secret.
package struct S3Credentials: Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let accessKey: String
    let secretKey: String
    /// Of keys that are good for a while only.
    let sessionToken: String?

    package init(accessKey: String, secretKey: String, sessionToken: String? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
    }

    /// Never the secret.
    package var description: String { "access key \(accessKey)" }
    package var debugDescription: String { description }
}

/// AWS signature version 4, in the `Authorization` header.
///
/// A pure function of the request, the key and the time. The names are those of AWS's own
/// description, so that the two can be read side by side.
package struct S3Signature: Sendable {
    package struct Request: Sendable {
        package var method: String
        /// Percent-encoded, beginning with a slash.
        package var path: String
        package var query: [(name: String, value: String)]
        /// All that is signed, `host` and `x-amz-date` among them; the names in lower case.
        package var headers: [(name: String, value: String)]
        /// SHA-256 in hexadecimal digits, or `UNSIGNED-PAYLOAD`.
        package var payloadHash: String

        package init(
            method: String, path: String, query: [(name: String, value: String)] = [],
            headers: [(name: String, value: String)], payloadHash: String
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.headers = headers
            self.payloadHash = payloadHash
        }
    }

    let credentials: S3Credentials
    let region: String
    let service: String

    package init(credentials: S3Credentials, region: String, service: String = "s3") {
        self.credentials = credentials
        self.region = region
        self.service = service
    }

    /// The value of the `Authorization` header.
    package func authorization(for request: Request, at time: Timestamp) -> String {
        let headers = Self.sorted(request.headers)
        let names = headers.map(\.name).joined(separator: ";")
        let scope = "\(S3Date.day(time))/\(region)/\(service)/aws4_request"
        let canonical = Self.canonicalText(of: request, headers: headers, signedNames: names)
        let text = [
            "AWS4-HMAC-SHA256", S3Date.basic(time), scope,
            Digest(of: Array(canonical.utf8)).text,
        ].joined(separator: "\n")
        let signature = Hexadecimal.encode(Self.hash(text, with: signingKey(at: time)))
        return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope), "
            + "SignedHeaders=\(names), Signature=\(signature)"
    }

    private static func canonicalText(
        of request: Request, headers: [(name: String, value: String)], signedNames: String
    ) -> String {
        let lines = headers.map { "\($0.name):\($0.value)\n" }.joined()
        return [
            request.method, request.path, S3Text.query(request.query), lines, signedNames,
            request.payloadHash,
        ].joined(separator: "\n")
    }

    /// By name, with the values' outer and repeated spaces taken out.
    private static func sorted(
        _ headers: [(name: String, value: String)]
    ) -> [(name: String, value: String)] {
        headers.map { ($0.name, $0.value.split(separator: " ").joined(separator: " ")) }
            .sorted { $0.0 < $1.0 }
    }

    private func signingKey(at time: Timestamp) -> [UInt8] {
        var key = Array("AWS4\(credentials.secretKey)".utf8)
        for step in [S3Date.day(time), region, service, "aws4_request"] {
            key = Self.hash(step, with: key)
        }
        return key
    }

    private static func hash(_ text: String, with key: [UInt8]) -> [UInt8] {
        Array(
            HMAC<SHA256>.authenticationCode(
                for: Array(text.utf8), using: SymmetricKey(data: key)))
    }
}

/// Text as S3 writes it in addresses.
enum S3Text {
    private static let plain = Set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// Percent-encodes all but the unreserved characters of RFC 3986; slashes if `keepingSlashes`
    /// does not keep them.
    static func encode(_ text: String, keepingSlashes: Bool = false) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if plain.contains(byte) || (keepingSlashes && byte == UInt8(ascii: "/")) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The canonical query: encoded, then sorted.
    static func query(_ items: [(name: String, value: String)]) -> String {
        items.map { (encode($0.name), encode($0.value)) }
            .sorted { $0 < $1 }
            .map { "\($0)=\($1)" }
            .joined(separator: "&")
    }
}
