import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Records
import Testing
import Wire

/// Sends requests as one device or another.
struct Client: Sendable {
    let client: any TestClientProtocol

    struct Answer: Sendable {
        let status: HTTPResponse.Status
        let headers: HTTPFields
        let bytes: [UInt8]

        func decoded<Value: Decodable>(
            as type: Value.Type = Value.self
        ) throws -> Value {
            try JSONDecoder().decode(type, from: Data(bytes))
        }

        /// The code of an error.
        var code: String? { (try? decoded(as: ErrorReply.self))?.code }

        func header(_ name: String) -> String? {
            HTTPField.Name(name).flatMap { headers[$0] }
        }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, by person: Person? = nil,
        headers: [String: String] = [:], body: [UInt8]? = nil
    ) async throws -> Answer {
        var fields = HTTPFields()
        if let person { fields[.authorization] = "Bearer \(person.token)" }
        for (name, value) in headers {
            fields[try #require(HTTPField.Name(name))] = value
        }
        return try await client.execute(
            uri: path, method: method, headers: fields,
            body: body.map { ByteBuffer(bytes: $0) }
        ) { response in
            Answer(
                status: response.status, headers: response.headers,
                bytes: Array(response.body.readableBytesView))
        }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, by person: Person? = nil,
        headers: [String: String] = [:], json: some Encodable
    ) async throws -> Answer {
        try await send(
            method, path, by: person, headers: headers,
            body: Array(try JSONEncoder().encode(json)))
    }

    /// Stores a blob and returns its digest.
    @discardableResult
    func store(_ bytes: [UInt8], by person: Person) async throws -> Digest {
        let digest = Digest(of: bytes)
        let answer = try await send(.put, "/api/v1/blobs/\(digest)", by: person, body: bytes)
        try #require(answer.status == .ok)
        return digest
    }

    func commit(_ groups: [ChangeGroup], by person: Person) async throws -> CommitReply {
        let answer = try await send(
            .post, person.commitsPath, by: person, json: CommitRequest(groups: groups))
        try #require(answer.status == .ok, "\(answer.code ?? "")")
        return try answer.decoded()
    }

    func changes(
        of person: Person, after token: ChangeToken? = nil, limit: Int? = nil
    ) async throws -> ChangePage {
        var query: [String] = []
        if let token { query.append("after=\(token.text)") }
        if let limit { query.append("limit=\(limit)") }
        let path = person.changesPath + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        let answer = try await send(.get, path, by: person)
        try #require(answer.status == .ok, "\(answer.code ?? "")")
        return try answer.decoded()
    }
}

extension ChangeGroup {
    /// A group that saves one album: a record without blobs.
    static func album(_ number: UInt64, name: String = "Summer", base: Base? = nil) -> ChangeGroup {
        ChangeGroup(
            id: GroupID(high: number, low: base.map { UInt64($0.sequence) } ?? 0),
            changes: [
                RecordChange(
                    key: .album(number), base: base, set: ["name": .string(name)])
            ])
    }

    /// A group that saves one asset with its original.
    static func asset(_ digest: Digest, byteCount: Int) -> ChangeGroup {
        let id = GroupID(bytes: digest.bytes) ?? GroupID(high: 0, low: 0)
        return ChangeGroup(
            id: id,
            changes: [
                RecordChange(
                    key: RecordKey(
                        type: RecordType(rawValue: "asset"),
                        id: RecordID(high: id.high, low: id.low)),
                    set: ["name": .string("IMG_1.JPG"), "importedAt": .integer(1)],
                    setBlobs: [
                        "original": BlobReference(
                            digest: digest, byteCount: Int64(byteCount), mediaType: "image/jpeg")
                    ])
            ])
    }
}

extension RecordKey {
    static func album(_ number: UInt64) -> RecordKey {
        RecordKey(type: RecordType(rawValue: "album"), id: RecordID(high: 3, low: number))
    }
}

/// `count` bytes that depend on `seed`.
func bytes(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ Int(seed) &* 7) }
}
