import NIOCore
import Records

/// One blob on its way into a bucket: in one request when it is small, else in parts.
///
/// One part is sent while the next one arrives. Memory: two parts.
actor S3ObjectWriter: ObjectWriter {
    private typealias Sending = Task<Result<S3Part, StorageError>, Never>

    private let store: S3ObjectStore
    private let key: ObjectKey
    private let name: String
    /// Others may have put the same under the name.
    private let isNameShared: Bool
    private var hasher = Digest.Hasher()
    private var byteCount: Int64 = 0
    private var gathered = ByteBuffer()
    private var multipart: S3Multipart?
    private var parts: [S3Part] = []
    private var sending: Sending?
    private var isEnded = false

    init(store: S3ObjectStore) {
        self.store = store
        key = store.newKey()
        name = store.name(of: key)
        isNameShared = false
    }

    /// For a file whose name says what it is.
    init(store: S3ObjectStore, name: String) {
        self.store = store
        key = ObjectKey(text: name)
        self.name = name
        isNameShared = true
    }

    deinit {
        // Who forgets to discard must not leave parts that cost their owner money.
        sending?.cancel()
        if !isEnded, let multipart { Task { try? await multipart.abort() } }
    }

    func append(_ bytes: ByteBuffer) async throws(StorageError) {
        bytes.withUnsafeReadableBytes { hasher.update($0) }
        byteCount += Int64(bytes.readableBytes)
        gathered.writeImmutableBuffer(bytes)
        while gathered.readableBytes > nextPartByteCount,
            let part = gathered.readSlice(length: nextPartByteCount)
        {
            gathered = ByteBuffer(buffer: gathered)
            try await send(part)
        }
    }

    func finish() async throws(StorageError) -> StoredObject {
        isEnded = true
        do throws(StorageError) {
            guard let multipart else {
                try await store.put(gathered, as: name)
                return stored
            }
            try await send(gathered)
            try await settle()
            try await multipart.complete(parts, byteCount: byteCount)
            return stored
        } catch {
            await giveUp()
            if !isNameShared { await store.removeLater([name]) }
            throw error
        }
    }

    func finish(expecting digest: Digest) async throws(StorageError) -> PackedResult {
        let actual = hasher.digest()
        guard actual == digest else {
            await discard()
            return .digestMismatch(actual: actual)
        }
        return .stored(try await finish())
    }

    func discard() async {
        guard !isEnded else { return }
        isEnded = true
        await giveUp()
    }

    private var stored: StoredObject {
        StoredObject(key: key, digest: hasher.digest(), byteCount: byteCount)
    }

    private var nextPartByteCount: Int {
        S3Multipart.byteCount(ofPart: parts.count + (sending == nil ? 1 : 2))
    }

    private func send(_ part: ByteBuffer) async throws(StorageError) {
        try await settle()
        let upload: S3Multipart
        if let multipart {
            upload = multipart
        } else {
            upload = try await S3Multipart.begin(name, with: store.client)
            multipart = upload
        }
        let number = parts.count + 1
        sending = Sending {
            do throws(StorageError) {
                return .success(try await upload.put(part, number: number))
            } catch {
                return .failure(error)
            }
        }
    }

    private func settle() async throws(StorageError) {
        guard let sending else { return }
        self.sending = nil
        parts.append(try await sending.value.get())
    }

    /// Not cut short by cancellation: this is what a cancelled request calls.
    private func giveUp() async {
        sending?.cancel()
        _ = await sending?.value
        sending = nil
        guard let multipart else { return }
        await Task { try? await multipart.abort() }.value
    }
}
