import NIOCore
package import Records

/// Resumable uploads in a bucket: every part is kept as objects of its own until they are joined.
extension S3ObjectStore {
    private var stagingPrefix: String { place.prefix + "staging/" }

    func piecesPrefix(of upload: UploadID) -> String { stagingPrefix + upload.text + "/" }

    func pieces(of upload: UploadID) async throws(StorageError) -> S3Pieces {
        let prefix = piecesPrefix(of: upload)
        var found: [S3Piece] = []
        var token: String?
        repeat {
            let page = try await listPage(prefix: prefix, token: token)
            found += page.objects.compactMap {
                S3Piece(name: $0.name, prefix: prefix, byteCount: $0.byteCount)
            }
            token = page.nextToken
        } while token != nil && found.count <= Limits.s3PiecesPerUploadMax
        return try S3Pieces(found)
    }

    package func stagedByteCount(of upload: UploadID) async throws(StorageError) -> Int64? {
        let pieces = try await pieces(of: upload)
        return pieces.all.isEmpty ? nil : pieces.byteCount
    }

    package func appendStaged(
        _ upload: UploadID, at offset: Int64
    ) async throws(StorageError) -> any StagedWriter {
        let pieces = try await pieces(of: upload)
        guard (0...pieces.byteCount).contains(offset) else {
            throw StorageError(
                .offsetMismatch, "The upload has \(pieces.byteCount) bytes: go on from there.")
        }
        let keeps = try await cut(pieces, of: upload, to: offset)
        return S3StagedWriter(store: self, upload: upload, offset: offset, isNew: !keeps)
    }

    /// Leaves nothing but the upload up to `offset`; says whether that is any object at all.
    ///
    /// What must stay of a piece is written anew before the piece goes: a crash between the two
    /// leaves the upload as it was.
    private func cut(
        _ pieces: S3Pieces, of upload: UploadID, to offset: Int64
    ) async throws(StorageError) -> Bool {
        var kept = Set(pieces.chain.filter { $0.end <= offset })
        if let crossing = pieces.chain.first(where: { $0.start < offset && $0.end > offset }) {
            let bytes = try await bytes(of: crossing, count: offset - crossing.start)
            let piece = try await put(bytes, of: upload, at: crossing.start)
            kept.insert(piece)
        }
        let others = pieces.all.filter { !kept.contains($0) }
        if !others.isEmpty { try await remove(names: others.map(\.name)) }
        return !kept.isEmpty
    }

    func put(
        _ bytes: ByteBuffer, of upload: UploadID, at start: Int64
    ) async throws(StorageError) -> S3Piece {
        let prefix = piecesPrefix(of: upload)
        let byteCount = Int64(bytes.readableBytes)
        let suffix = S3Piece.suffix(
            start: start, end: start + byteCount, digits: randomDigits())
        guard let piece = S3Piece(name: prefix + suffix, prefix: prefix, byteCount: byteCount)
        else { throw StorageError(.failed, "The upload is larger than any can be.") }
        try await put(bytes, as: piece.name)
        return piece
    }

    private func bytes(of piece: S3Piece, count: Int64) async throws(StorageError) -> ByteBuffer {
        var reading = S3Reading(client: client, name: piece.name, offset: 0, end: count)
        var bytes = ByteBuffer()
        while var step = try await reading.next() { bytes.writeBuffer(&step) }
        return bytes
    }

    package func finishStaged(_ upload: UploadID) async throws(StorageError) -> StoredObject {
        let pieces = try await pieces(of: upload)
        guard !pieces.all.isEmpty else {
            throw StorageError(.objectNotFound, "The upload \(upload) has no bytes.")
        }
        let key = newKey()
        do throws(StorageError) {
            try await join(pieces.chain, as: name(of: key))
            // What the store has now, and not what was sent to it, is what a receipt is about.
            let stored = try await verify(key)
            guard stored.byteCount == pieces.byteCount else {
                throw StorageError(
                    .damaged, "The object store joined an upload to another size: look at its log.")
            }
            // What stays after an error is swept as an upload that nobody knows.
            try? await discardStaged(upload)
            return stored
        } catch {
            await removeLater([name(of: key)])
            throw error
        }
    }

    private func join(_ chain: [S3Piece], as name: String) async throws(StorageError) {
        let byteCount = chain.last?.end ?? 0
        if byteCount <= Int64(Limits.s3PartByteCount) {
            try await put(try await bytes(of: chain), as: name)
            return
        }
        let multipart = try await S3Multipart.begin(name, with: client)
        do throws(StorageError) {
            let joins = Array(S3Join.plan(chain).enumerated())
            let parts = try await eachAtOnce(
                joins.map { (number: $0.offset + 1, join: $0.element) }
            ) { (item) throws(StorageError) in
                switch item.join {
                case .copy(let piece):
                    return try await multipart.copy(piece.name, number: item.number)
                case .send(let pieces):
                    return try await multipart.put(
                        try await self.bytes(of: pieces), number: item.number)
                }
            }
            try await multipart.complete(parts, byteCount: byteCount)
        } catch {
            await Task { try? await multipart.abort() }.value
            throw error
        }
    }

    private func bytes(of pieces: [S3Piece]) async throws(StorageError) -> ByteBuffer {
        var all = ByteBuffer()
        for piece in pieces {
            var bytes = try await bytes(of: piece, count: piece.byteCount)
            all.writeBuffer(&bytes)
        }
        return all
    }

    package func discardStaged(_ upload: UploadID) async throws(StorageError) {
        var token: String?
        repeat {
            let page = try await listPage(prefix: piecesPrefix(of: upload), token: token)
            try await remove(names: page.objects.map(\.name))
            token = page.nextToken
        } while token != nil
    }

    package func stagedUploads() async throws(StorageError) -> [UploadID] {
        var found: [UploadID] = []
        var token: String?
        repeat {
            let page = try await listPage(prefix: stagingPrefix, token: token, delimiter: "/")
            found += page.prefixes.compactMap {
                try? UploadID(parsing: String($0.dropFirst(stagingPrefix.count).dropLast()))
            }
            token = page.nextToken
        } while token != nil
        return found
    }
}

/// A part of a resumable upload on its way into a bucket.
///
/// It is stored in pieces of 8 MiB; what is left goes with the last one, so that a piece is smaller
/// than S3's least part only when the whole part is. Memory: one piece and a half.
actor S3StagedWriter: StagedWriter {
    private let store: S3ObjectStore
    private let upload: UploadID
    private var offset: Int64
    private var gathered = ByteBuffer()
    /// No object says yet that there is such an upload.
    private var isNew: Bool

    init(store: S3ObjectStore, upload: UploadID, offset: Int64, isNew: Bool) {
        self.store = store
        self.upload = upload
        self.offset = offset
        self.isNew = isNew
    }

    func append(_ bytes: ByteBuffer) async throws(StorageError) {
        gathered.writeImmutableBuffer(bytes)
        while gathered.readableBytes >= Limits.s3PartByteCount + Limits.s3PartByteCountMin,
            let piece = gathered.readSlice(length: Limits.s3PartByteCount)
        {
            gathered = ByteBuffer(buffer: gathered)
            try await put(piece)
        }
    }

    func finish() async throws(StorageError) -> Int64 {
        if gathered.readableBytes > 0 || isNew {
            let piece = gathered
            gathered = ByteBuffer()
            try await put(piece)
        }
        return offset
    }

    private func put(_ piece: ByteBuffer) async throws(StorageError) {
        _ = try await store.put(piece, of: upload, at: offset)
        offset += Int64(piece.readableBytes)
        isNew = false
    }
}
