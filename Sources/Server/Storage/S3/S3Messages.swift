import NIOHTTP1
package import Records

/// A page of a listing.
package struct S3Page: Sendable {
    package struct Object: Sendable {
        package let name: String
        package let byteCount: Int64
        package let modifiedAt: Timestamp
    }

    package var objects: [Object] = []
    /// With a delimiter: what is below the prefix, each ending with the delimiter.
    package var prefixes: [String] = []
    package var nextToken: String?

    /// `nil` when it is no whole page.
    package init?(_ bytes: [UInt8]) {
        guard let list = XMLElement(parsing: bytes), list.name == "ListBucketResult" else {
            return nil
        }
        for entry in list.all("Contents") {
            guard let name = entry["Key"]?.text,
                let byteCount = entry["Size"].flatMap({ Int64($0.text) }),
                let modifiedAt = entry["LastModified"].flatMap({ S3Date.parse($0.text) })
            else { return nil }
            objects.append(Object(name: name, byteCount: byteCount, modifiedAt: modifiedAt))
        }
        prefixes = list.all("CommonPrefixes").compactMap { $0["Prefix"]?.text }
        if list["IsTruncated"]?.text == "true" {
            guard let token = list["NextContinuationToken"]?.text else { return nil }
            nextToken = token
        }
    }
}

/// An unfinished multipart upload, as a listing names it.
struct S3Unfinished: Sendable {
    let name: String
    let id: String
    let begunAt: Timestamp

    static func readAll(_ bytes: [UInt8]) -> [S3Unfinished]? {
        guard let list = XMLElement(parsing: bytes), list.name == "ListMultipartUploadsResult"
        else { return nil }
        return list.all("Upload").compactMap { entry in
            guard let name = entry["Key"]?.text, let id = entry["UploadId"]?.text,
                let begunAt = entry["Initiated"].flatMap({ S3Date.parse($0.text) })
            else { return nil }
            return S3Unfinished(name: name, id: id, begunAt: begunAt)
        }
    }
}

/// Bodies of requests and answers.
enum S3Messages {
    private static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

    static func delete(_ names: ArraySlice<String>) -> String {
        let objects = names.map { "<Object><Key>\(escape($0))</Key></Object>" }.joined()
        return "<Delete xmlns=\"\(namespace)\">\(objects)<Quiet>true</Quiet></Delete>"
    }

    static func complete(_ parts: [S3Part]) -> String {
        let list = parts.map {
            "<Part><PartNumber>\($0.number)</PartNumber><ETag>\(escape($0.tag))</ETag></Part>"
        }.joined()
        return "<CompleteMultipartUpload xmlns=\"\(namespace)\">\(list)</CompleteMultipartUpload>"
    }

    /// One that was not there counts as removed.
    static func readDeleted(_ answer: S3Answer) throws(S3Failure) -> Void? {
        guard let result = try readDocument(answer) else { return nil }
        guard
            let error = result.all("Error").first(where: { $0["Code"]?.text != "NoSuchKey" })
        else { return () }
        var failure = S3Failure(message: error["Message"]?.text ?? "")
        failure.code = error["Code"]?.text ?? ""
        failure.status = 500
        if failure.code == "AccessDenied" { failure.status = 403 }
        throw failure
    }

    static func readUploadID(_ answer: S3Answer) throws(S3Failure) -> String? {
        try readDocument(answer)?["UploadId"]?.text
    }

    static func readCopied(_ answer: S3Answer) throws(S3Failure) -> String? {
        try readDocument(answer)?["ETag"]?.text
    }

    /// A document; throws when it is an error in the guise of success, as long requests have it.
    static func readDocument(_ answer: S3Answer) throws(S3Failure) -> XMLElement? {
        guard let document = XMLElement(parsing: answer.body) else { return nil }
        guard document.name != "Error" else {
            var failure = S3Failure(answer)
            // Success was said before the work was done.
            failure.status = failure.code == "NoSuchUpload" ? 404 : 500
            throw failure
        }
        return document
    }

    static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
            .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
    }
}
