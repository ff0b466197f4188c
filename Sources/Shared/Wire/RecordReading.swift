package import Records

/// Bodies that grow with a library, read and written without a general coder: a device lists a
/// million records in the time that one would take for a tenth of them.
///
/// The JSON is the same as that of the types' own coding; a test compares the two.
package enum RecordCoding {
    /// Throws `invalidJSON` for anything but a page of the feed.
    package static func changePage(_ text: String) throws(RecordsError) -> ChangePage {
        let page = try object(try JSONText.decode(text), "page")
        var records: [Record] = []
        let values = try array(page["records"], "records")
        records.reserveCapacity(values.count)
        for value in values { records.append(try record(value)) }
        return ChangePage(
            records: records, token: try ChangeToken(parsing: try string(page["token"], "token")),
            more: try bool(page["more"], "more"))
    }

    package static func commitReply(_ text: String) throws(RecordsError) -> CommitReply {
        let reply = try object(try JSONText.decode(text), "reply")
        var results: [GroupResult] = []
        for value in try array(reply["results"], "results") { results.append(try result(value)) }
        return CommitReply(
            results: results,
            token: try ChangeToken(parsing: try string(reply["token"], "token")))
    }

    package static func commitRequest(_ text: String) throws(RecordsError) -> CommitRequest {
        let request = try object(try JSONText.decode(text), "request")
        var groups: [ChangeGroup] = []
        for value in try array(request["groups"], "groups") {
            let group = try object(value, "group")
            var changes: [RecordChange] = []
            for value in try array(group["changes"], "changes") {
                changes.append(try change(value))
            }
            groups.append(
                ChangeGroup(
                    id: try GroupID(parsing: try string(group["id"], "id")), changes: changes))
        }
        return CommitRequest(
            groups: groups,
            after: try present(request["after"]).map { (value) throws(RecordsError) in
                try ChangeToken(parsing: try string(value, "after"))
            })
    }

    // MARK: - Parts

    private static func record(_ value: JSONValue) throws(RecordsError) -> Record {
        let record = try object(value, "record")
        return Record(
            key: try key(record["key"]), envelope: try envelope(record["envelope"]),
            fields: try present(record["fields"]).map { (value) throws(RecordsError) in
                try object(value, "fields")
            }, blobs: try blobs(record["blobs"], "blobs"),
            joinedInto: try optionalIdentifier(record["joinedInto"], "joinedInto"))
    }

    private static func envelope(_ value: JSONValue?) throws(RecordsError) -> Envelope {
        let envelope = try object(value, "envelope")
        return Envelope(
            sequence: try integer(envelope["sequence"], "sequence"),
            createdAt: Timestamp(milliseconds: try integer(envelope["createdAt"], "createdAt")),
            createdBy: try AccountID(parsing: try string(envelope["createdBy"], "createdBy")),
            changedAt: Timestamp(milliseconds: try integer(envelope["changedAt"], "changedAt")),
            changedBy: try DeviceID(parsing: try string(envelope["changedBy"], "changedBy")),
            trashedAt: try present(envelope["trashedAt"]).map { (value) throws(RecordsError) in
                Timestamp(milliseconds: try integer(value, "trashedAt"))
            }, requires: Int(try integer(envelope["requires"], "requires")),
            keyEpoch: Int(try integer(envelope["keyEpoch"], "keyEpoch")),
            derivedFrom: try base(envelope["derivedFrom"], "derivedFrom"))
    }

    private static func change(_ value: JSONValue) throws(RecordsError) -> RecordChange {
        let change = try object(value, "change")
        var action = RecordChange.Action.save
        if let text = present(change["action"]) {
            guard let known = RecordChange.Action(rawValue: try string(text, "action")) else {
                throw unexpected("action")
            }
            action = known
        }
        return RecordChange(
            key: try key(change["key"]), action: action, base: try base(change["base"], "base"),
            derivedFrom: try base(change["derivedFrom"], "derivedFrom"),
            set: try optionalObject(change["set"], "set"),
            unset: try strings(change["unset"], "unset"),
            setBlobs: try present(change["setBlobs"]).map { (value) throws(RecordsError) in
                try blobs(value, "setBlobs")
            } ?? [:], unsetBlobs: try strings(change["unsetBlobs"], "unsetBlobs"),
            trashed: try present(change["trashed"]).map { (value) throws(RecordsError) in
                try bool(value, "trashed")
            },
            requires: try present(change["requires"]).map { (value) throws(RecordsError) in
                Int(try integer(value, "requires"))
            }, joinedInto: try optionalIdentifier(change["joinedInto"], "joinedInto"))
    }

    private static func result(_ value: JSONValue) throws(RecordsError) -> GroupResult {
        let result = try object(value, "result")
        guard let status = GroupResult.Status(rawValue: try string(result["status"], "status"))
        else { throw unexpected("status") }
        var records: [Record] = []
        for value in try array(result["records"], "records") { records.append(try record(value)) }
        var digests: [Digest] = []
        for text in try strings(result["digests"], "digests") {
            digests.append(try Digest(parsing: text))
        }
        return GroupResult(
            id: try GroupID(parsing: try string(result["id"], "id")), status: status,
            sequence: try present(result["sequence"]).map { (value) throws(RecordsError) in
                try integer(value, "sequence")
            },
            message: try present(result["message"]).map { (value) throws(RecordsError) in
                try string(value, "message")
            }, records: records, digests: digests)
    }

    private static func key(_ value: JSONValue?) throws(RecordsError) -> RecordKey {
        let key = try object(value, "key")
        return RecordKey(
            type: RecordType(rawValue: try string(key["type"], "type")),
            id: try RecordID(parsing: try string(key["id"], "id")))
    }

    private static func blobs(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> [String: BlobReference] {
        var blobs: [String: BlobReference] = [:]
        for (role, value) in try object(value, name) {
            let blob = try object(value, role)
            blobs[role] = BlobReference(
                digest: try Digest(parsing: try string(blob["digest"], "digest")),
                byteCount: try integer(blob["byteCount"], "byteCount"),
                mediaType: try string(blob["mediaType"], "mediaType"))
        }
        return blobs
    }

    private static func base(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> Base? {
        guard let value = present(value) else { return nil }
        let base = try object(value, name)
        return Base(
            epoch: Epoch(rawValue: try integer(base["epoch"], "epoch")),
            sequence: try integer(base["sequence"], "sequence"))
    }

    // MARK: - Values

    private static func unexpected(_ name: String) -> RecordsError {
        RecordsError(.invalidJSON, "The JSON has no usable “\(name)” where one is expected.")
    }

    private static func present(_ value: JSONValue?) -> JSONValue? {
        value == .null ? nil : value
    }

    private static func object(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> Fields {
        guard case .object(let fields)? = value else { throw unexpected(name) }
        return fields
    }

    private static func optionalObject(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> Fields {
        guard let value = present(value) else { return [:] }
        return try object(value, name)
    }

    private static func array(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> [JSONValue] {
        guard case .array(let values)? = value else { throw unexpected(name) }
        return values
    }

    private static func string(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> String {
        guard case .string(let text)? = value else { throw unexpected(name) }
        return text
    }

    private static func strings(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> [String] {
        guard let value = present(value) else { return [] }
        var strings: [String] = []
        for element in try array(value, name) { strings.append(try string(element, name)) }
        return strings
    }

    private static func integer(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> Int64 {
        guard let number = value?.integer else { throw unexpected(name) }
        return number
    }

    private static func bool(_ value: JSONValue?, _ name: String) throws(RecordsError) -> Bool {
        guard let flag = value?.bool else { throw unexpected(name) }
        return flag
    }

    private static func optionalIdentifier(
        _ value: JSONValue?, _ name: String
    ) throws(RecordsError) -> RecordID? {
        guard let value = present(value) else { return nil }
        return try RecordID(parsing: try string(value, name))
    }
}
