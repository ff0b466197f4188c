import Crypto
import HTTPTypes
import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The checksum of one part (tus checksum extension): `sha1 BASE64` or `sha256 BASE64`.
///
/// SHA-1 is the one that every tus client knows; it guards against accidents only, and the digest
/// of the whole against everything else.
struct PartChecksum {
    static let algorithms = "sha1,sha256"

    private enum State {
        case sha1(Insecure.SHA1)
        case sha256(SHA256)
    }

    private var state: State
    private let expected: [UInt8]

    /// Throws `unknownChecksum` for another algorithm, or text of another form.
    init(parsing header: String) throws {
        let parts = header.split(separator: " ")
        guard parts.count == 2, let bytes = Data(base64Encoded: String(parts[1])) else {
            throw Self.unknown
        }
        switch parts[0] {
        case "sha1": state = .sha1(Insecure.SHA1())
        case "sha256": state = .sha256(SHA256())
        default: throw Self.unknown
        }
        expected = Array(bytes)
    }

    mutating func update(_ bytes: ByteBuffer) {
        bytes.withUnsafeReadableBytes { bytes in
            switch state {
            case .sha1(var hash):
                hash.update(bufferPointer: bytes)
                state = .sha1(hash)
            case .sha256(var hash):
                hash.update(bufferPointer: bytes)
                state = .sha256(hash)
            }
        }
    }

    var isRight: Bool {
        switch state {
        case .sha1(let hash): Array(hash.finalize()) == expected
        case .sha256(let hash): Array(hash.finalize()) == expected
        }
    }

    private static let unknown = APIError(
        .badRequest, "unknownChecksum", "Upload-Checksum is one of \(algorithms), then base64.",
        fields: ["Upload-Checksum"])
}
