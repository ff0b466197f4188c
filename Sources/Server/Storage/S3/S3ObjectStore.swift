import NIOCore
import NIOHTTP1
import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Objects in a bucket of an S3 store.
///
///     PREFIX/objects/<32 random digits>                            the objects
///     PREFIX/staging/<upload>/<start>-<end>-<16 random digits>     resumable uploads, in pieces
///     PREFIX/server                                                whose objects these are
///     PREFIX/key/…, PREFIX/revoked/…                               notes; see `BucketKeepsakes`
///
/// - No process keeps anything that another needs: any server with the same bucket goes on with an
///   upload that another one began.
/// - The store must show what was written to everybody at once, in its listings too, as AWS's own
///   does.
/// - A crash can leave an object that no row knows, which `list` finds for the collector, and an
///   unfinished multipart upload, which `prepare` ends.
package final class S3ObjectStore: ObjectStore {
    let client: S3Client
    package var place: S3Place { client.place }

    package init(place: S3Place, surroundings: S3Surroundings) {
        client = S3Client(place: place, surroundings: surroundings)
    }

    // MARK: - Keys

    /// The name of every object: random digits alone, so that stores that divide buckets by name
    /// have equal shares.
    func newKey() -> ObjectKey { ObjectKey(text: randomDigits() + randomDigits()) }

    func randomDigits() -> String {
        Hexadecimal.encode(Hexadecimal.bytes(of: client.surroundings.randomNumber()))
    }

    var objectsPrefix: String { place.prefix + "objects/" }

    func name(of key: ObjectKey) -> String { objectsPrefix + key.text }

    /// Whether it is a key of this kind of store: nothing else is ever listed, and so never removed.
    package static func isKey(_ text: String) -> Bool {
        Hexadecimal.decode(text, byteCount: 16) != nil
    }

    // MARK: - Objects

    package func makeWriter() async throws(StorageError) -> any ObjectWriter {
        S3ObjectWriter(store: self)
    }

    func put(_ bytes: ByteBuffer, as name: String) async throws(StorageError) {
        try await client.send(S3Request(method: .PUT, key: name, body: bytes))
    }

    /// Each is one request of its own; at most `Limits.s3RequestsAtOnceMax` run at once.
    package func storePack(_ blobs: [PackedBlob]) async throws(StorageError) -> [PackedResult] {
        var results: [PackedResult] = []
        var chosen: [(key: ObjectKey, bytes: [UInt8])] = []
        for blob in blobs {
            let digest = Digest(of: blob.bytes)
            guard digest == blob.claimed else {
                results.append(.digestMismatch(actual: digest))
                continue
            }
            let key = newKey()
            chosen.append((key, blob.bytes))
            results.append(
                .stored(
                    StoredObject(key: key, digest: digest, byteCount: Int64(blob.bytes.count))))
        }
        let names = chosen.map { name(of: $0.key) }
        do {
            _ = try await eachAtOnce(Array(zip(names, chosen.map(\.bytes)))) {
                (item) throws(StorageError) in
                try await self.put(ByteBuffer(bytes: item.1), as: item.0)
            }
        } catch {
            // One that was not answered may have been stored all the same.
            await removeLater(names)
            throw error
        }
        return results
    }

    package func read(_ key: ObjectKey, _ range: Range<Int64>) -> ObjectBytes {
        read(named: name(of: key), range)
    }

    func read(named name: String, _ range: Range<Int64>) -> ObjectBytes {
        ObjectBytes { [client] in
            S3Reading(client: client, name: name, offset: range.lowerBound, end: range.upperBound)
        }
    }

    package func byteCount(of key: ObjectKey) async throws(StorageError) -> Int64 {
        try await byteCount(named: name(of: key))
    }

    func byteCount(named name: String) async throws(StorageError) -> Int64 {
        let request = S3Request(method: .HEAD, key: name)
        do {
            return try await client.send(request) { (answer) throws(S3Failure) in
                answer.header("content-length").flatMap { Int64($0) }
            }
        } catch {
            guard (error.cause as? S3Failure)?.status == 404 else { throw error }
            // An answer to HEAD has no words to believe; that to GET says what is missing.
            var reading = S3Reading(client: client, name: name, offset: 0, end: nil)
            _ = try await reading.next()
            return try await reading.wholeByteCount()
        }
    }

    package func verify(_ key: ObjectKey) async throws(StorageError) -> StoredObject {
        let (digest, byteCount) = try await digest(named: name(of: key))
        return StoredObject(key: key, digest: digest, byteCount: byteCount)
    }

    /// What the bytes are that the store gives.
    func digest(named name: String) async throws(StorageError) -> (Digest, Int64) {
        var reading = S3Reading(client: client, name: name, offset: 0, end: nil)
        var hasher = Digest.Hasher()
        var byteCount: Int64 = 0
        while let step = try await reading.next() {
            step.withUnsafeReadableBytes { hasher.update($0) }
            byteCount += Int64(step.readableBytes)
        }
        return (hasher.digest(), byteCount)
    }

    package func remove(_ keys: [ObjectKey]) async throws(StorageError) {
        try await remove(names: keys.map(name(of:)))
    }

    func remove(
        names: [String], triesMax: Int = Limits.s3TriesMax
    ) async throws(StorageError) {
        if let name = names.first, names.count == 1 {
            do {
                return try await client.send(
                    S3Request(method: .DELETE, key: name), triesMax: triesMax)
            } catch {
                guard error.code == .objectNotFound else { throw error }
                return
            }
        }
        var rest = names[...]
        while !rest.isEmpty {
            try await removeAtOnce(
                rest.prefix(Limits.s3KeysPerRequestMax), triesMax: triesMax)
            rest = rest.dropFirst(Limits.s3KeysPerRequestMax)
        }
    }

    private func removeAtOnce(
        _ names: ArraySlice<String>, triesMax: Int
    ) async throws(StorageError) {
        let body = Array(S3Messages.delete(names).utf8)
        let request = S3Request(
            method: .POST, query: [("delete", "")],
            headers: [("content-md5", Data(S3Hash.md5(body)).base64EncodedString())],
            body: ByteBuffer(bytes: body))
        try await client.send(request, triesMax: triesMax) {
            (answer) throws(S3Failure) -> Void? in
            try S3Messages.readDeleted(answer)
        }
    }

    /// Removes what nobody knows of; the collector finds what is left.
    ///
    /// Not cut short by cancellation: this is what a cancelled request calls.
    func removeLater(_ names: [String]) async {
        await Task {
            try? await remove(names: names, triesMax: Limits.s3TriesAtStartMax)
        }.value
    }

    package func list(
        after key: ObjectKey?, limit: Int
    ) async throws(StorageError) -> [ListedObject] {
        var found: [ListedObject] = []
        var token: String?
        repeat {
            let page = try await listPage(
                prefix: objectsPrefix, after: key.map(name(of:)), token: token,
                limit: limit - found.count)
            for object in page.objects {
                let text = String(object.name.dropFirst(objectsPrefix.count))
                guard Self.isKey(text) else { continue }
                found.append(
                    ListedObject(
                        key: ObjectKey(text: text), byteCount: object.byteCount,
                        modifiedAt: object.modifiedAt))
            }
            token = page.nextToken
        } while token != nil && found.count < limit
        return found
    }

    func listPage(
        prefix: String, after: String? = nil, token: String? = nil, delimiter: String? = nil,
        limit: Int = Limits.s3KeysPerRequestMax, triesMax: Int = Limits.s3TriesMax
    ) async throws(StorageError) -> S3Page {
        var query = [
            ("list-type", "2"), ("prefix", prefix),
            ("max-keys", String(min(limit, Limits.s3KeysPerRequestMax))),
        ]
        if let token {
            query.append(("continuation-token", token))
        } else if let after {
            query.append(("start-after", after))
        }
        if let delimiter { query.append(("delimiter", delimiter)) }
        return try await client.send(
            S3Request(method: .GET, query: query.map { (name: $0.0, value: $0.1) }),
            triesMax: triesMax
        ) { (answer) throws(S3Failure) in S3Page(answer.body) }
    }

    package func localPath(of key: ObjectKey) -> String? { nil }

    package func freeByteCount() async throws(StorageError) -> Int64? { nil }
}

/// Runs `body` for each item, a bounded number at once; after an error no more are begun.
///
/// What is under way then is waited for, not cancelled: the store may do what it was asked for all
/// the same, and after the caller has removed what there was.
func eachAtOnce<Item: Sendable, R: Sendable>(
    _ items: [Item], _ body: @escaping @Sendable (Item) async throws(StorageError) -> R
) async throws(StorageError) -> [R] {
    let outcome: Result<[R], StorageError> = await withTaskGroup(
        of: (Int, Result<R, StorageError>).self
    ) { group in
        var results: [R?] = Array(repeating: nil, count: items.count)
        var failure: StorageError?
        func take(_ done: (Int, Result<R, StorageError>)) {
            switch done.1 {
            case .success(let value): results[done.0] = value
            case .failure(let error):
                if failure == nil { failure = error }
            }
        }
        for (index, item) in items.enumerated() {
            if index >= Limits.s3RequestsAtOnceMax, let done = await group.next() { take(done) }
            guard failure == nil else { break }
            group.addTask {
                do throws(StorageError) {
                    return (index, .success(try await body(item)))
                } catch {
                    return (index, .failure(error))
                }
            }
        }
        while let done = await group.next() { take(done) }
        return failure.map { .failure($0) } ?? .success(results.compactMap { $0 })
    }
    return try outcome.get()
}
