import NIOCore
import NIOHTTP1
import Records

/// What a server does with its bucket before it takes anything in.
extension S3ObjectStore {
    /// Throws unless the bucket can be used, and is this server's or nobody's.
    ///
    /// Another server's collector would remove what it does not know: one prefix has one server,
    /// whose id lies there. Servers that share a database share the id.
    package func prepare(server: String) async throws(StorageError) {
        try await tryPlace()
        try await claim(for: server)
        // A right that only this needs may be missing; nothing but space depends on it.
        try? await endUnfinished()
    }

    /// Says by one request whether the place, the key, the region and the clock are right.
    ///
    /// Where nobody listens, somebody who waits for the start is told soon; a store that is there
    /// and busy, as after a power cut that hit it too, gets its time.
    package func tryPlace() async throws(StorageError) {
        do {
            _ = try await listPage(
                prefix: objectsPrefix, limit: 1, triesMax: Limits.s3TriesAtStartMax)
        } catch {
            guard let failure = error.cause as? S3Failure, failure.mayPass, failure.isFromStore
            else { throw error }
            _ = try await listPage(
                prefix: objectsPrefix, limit: 1, triesMax: Limits.s3TriesOfBusyStoreAtStartMax)
        }
    }

    private var ownerName: String { place.prefix + "server" }

    private func claim(for server: String) async throws(StorageError) {
        if let owner = try await owner() {
            guard owner == server else {
                throw StorageError(
                    .bucketTaken,
                    "\(place.text) holds the objects of another server: name another bucket or "
                        + "prefix.")
            }
            return
        }
        // Of two new servers that come at once, the second reads the first one's id below, or, at
        // a store that knows the condition, is refused.
        try await claimOnce(for: server)
        guard try await owner() == server else {
            throw StorageError(
                .bucketTaken,
                "Another server took \(place.text) at this moment: name another bucket or prefix.")
        }
    }

    private func claimOnce(for server: String) async throws(StorageError) {
        var request = S3Request(
            method: .PUT, key: ownerName, headers: [("if-none-match", "*")],
            body: ByteBuffer(string: server + "\n"))
        do {
            try await client.send(request)
        } catch {
            switch (error.cause as? S3Failure)?.status {
            case 412, 409: return
            // OpenStack Swift, which refuses all conditions for what is put.
            case 501:
                request.headers = []
                try await client.send(request)
            default: throw error
            }
        }
    }

    private func owner() async throws(StorageError) -> String? {
        try await note("server").map { bytes in
            String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
    }

    /// How many multipart uploads there are that nobody has ended, up to 1,000.
    package func unfinishedCount() async throws(StorageError) -> Int {
        try await unfinished(objectsPrefix).count
    }

    /// Of the names that begin so; of very many some.
    func unfinished(_ prefix: String) async throws(StorageError) -> [S3Unfinished] {
        try await client.send(
            S3Request(method: .GET, query: [("prefix", prefix), ("uploads", "")])
        ) { (answer) throws(S3Failure) in S3Unfinished.readAll(answer.body) }
    }

    /// Ends multipart uploads that a crash left; of very many, some now and some at a later start.
    private func endUnfinished() async throws(StorageError) {
        let old = client.surroundings.now().adding(seconds: -Limits.s3UnfinishedSecondsMax)
        for upload in try await unfinished(objectsPrefix) where upload.begunAt < old {
            try await S3Multipart(client: client, name: upload.name, id: upload.id).abort()
        }
    }
}
