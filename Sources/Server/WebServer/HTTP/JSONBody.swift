import HTTPTypes
package import Hummingbird
import NIOCore
import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// JSON in and out.
package enum JSONBody {
    package static let mediaType = "application/json"

    /// Reads a body of at most `byteCountMax` bytes; throws `bodyTooLarge` or `invalidJSON`.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from request: Request,
        byteCountMax: Int = Limits.jsonBodyByteCountMax
    ) async throws -> Value {
        try decode(type, from: try await BodyReader.collect(request, byteCountMax: byteCountMax))
    }

    /// Reads JSON, or says where it is not what it should be.
    static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: ByteBuffer
    ) throws(APIError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes.readableBytesView))
        } catch let error as DecodingError {
            throw APIError(
                .badRequest, "invalidJSON", "The body is not the JSON that is expected here.",
                fields: error.fields, cause: error)
        } catch {
            throw APIError(
                .badRequest, "invalidJSON", "The body is not the JSON that is expected here.",
                cause: error)
        }
    }

    package static func reply(
        _ value: some Encodable, status: HTTPResponse.Status = .ok
    ) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return reply(bytes: Array(try encoder.encode(value)), status: status)
    }

    /// A reply of JSON that is encoded already.
    package static func reply(bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: mediaType],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

extension DecodingError {
    /// The path to what could not be read, such as `groups.0.changes.3.key`.
    fileprivate var fields: [String] {
        let (path, key): ([any CodingKey], (any CodingKey)?) =
            switch self {
            case .typeMismatch(_, let context), .valueNotFound(_, let context),
                .dataCorrupted(let context):
                (context.codingPath, nil)
            case .keyNotFound(let key, let context): (context.codingPath, key)
            @unknown default: ([], nil)
            }
        let names = (path + (key.map { [$0] } ?? [])).map {
            $0.intValue.map(String.init) ?? $0.stringValue
        }
        return names.isEmpty ? [] : [names.joined(separator: ".")]
    }
}
