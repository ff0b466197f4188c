import NIOCore
package import Records
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A bucket, or a part of one below a prefix, that holds backups.
///
/// - An object is one request or, when it is large, parts that become one at the end: whole or not
///   there.
/// - Who takes it ends the unfinished uploads of those that were killed.
/// - It is taken by a lease: see `BucketLease`.
package final class BucketBackupPlace: BackupPlace {
    private let store: S3ObjectStore
    /// On this machine.
    private let work: String
    private let lockFile: BackupFileLock
    private let leaseSeconds: Int64
    private let lease = Mutex<BucketLease?>(nil)

    /// `work`: a folder for this place alone on this machine, for large files on their way; made
    /// when the place is taken.
    package init(
        _ place: S3Place, work: String, surroundings: S3Surroundings,
        leaseSeconds: Int64 = Limits.leaseSeconds, lockFile: @escaping BackupFileLock
    ) {
        store = S3ObjectStore(place: place, surroundings: surroundings)
        self.work = work
        self.leaseSeconds = leaseSeconds
        self.lockFile = lockFile
    }

    package var place: S3Place { store.place }

    package var text: String { place.text }

    private func path(_ name: String) -> String { place.prefix + name }

    private func name(_ path: String) -> String { String(path.dropFirst(place.prefix.count)) }

    package func localPath(_ name: String) -> String? { nil }

    package func workPath(_ name: String) -> String { work + "/" + name }

    /// Throws `bucketTaken` where a server has its own objects.
    package func prepare() async throws(StorageError) {
        try await store.tryPlace()
        guard try await store.note("server") == nil else {
            throw StorageError(
                .bucketTaken,
                "\(text) holds the objects of a server: name another bucket or prefix for backups.")
        }
    }

    package func isThere() async throws(StorageError) -> Bool {
        try await store.tryPlace()
        return true
    }

    // MARK: - Who has it

    package func take(for words: String) async throws(StorageError) -> Bool {
        try makeWork()
        guard let lock = try lockFile(workPath("lock"), words) else { return false }
        let new = BucketLease(
            store: store, words: words, tokens: workPath("tokens"), lock: lock,
            seconds: leaseSeconds)
        guard try await new.take() else { return false }
        lease.withLock { $0 = new }
        do throws(StorageError) {
            for name in try PlainFiles.names(in: work) where name != "lock" && name != "tokens" {
                try PlainFiles.remove(workPath(name))
            }
            // A right that only this needs may be missing; nothing but space depends on it.
            try? await endUnfinished()
            return true
        } catch {
            await release()
            throw error
        }
    }

    private func makeWork() throws(StorageError) {
        do {
            try FileManager.default.createDirectory(
                atPath: work, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw StorageError(
                .readOnly, "\(work) cannot be made: check who owns the folder that it is in.",
                cause: error)
        }
    }

    /// Nobody else writes here: they are of backups that were killed.
    private func endUnfinished() async throws(StorageError) {
        for prefix in ["objects/", "database-", "list-"] {
            for upload in try await store.unfinished(path(prefix))
            where !S3ObjectStore.isKey(String(name(upload.name).dropFirst("objects/".count))) {
                try await S3Multipart(client: store.client, name: upload.name, id: upload.id)
                    .abort()
            }
        }
    }

    package func confirm() async throws(StorageError) {
        guard let lease = lease.withLock(\.self) else { throw BucketLease.lost(text) }
        try await lease.renew()
    }

    package func release() async {
        let old = lease.withLock { lease in
            defer { lease = nil }
            return lease
        }
        await old?.release()
    }

    private func checkTaken() throws(StorageError) {
        guard let lease = lease.withLock(\.self) else { throw BucketLease.lost(text) }
        try lease.check()
    }

    // MARK: - Looking

    package func files() async throws(StorageError) -> [BackupFile] {
        var found: [BackupFile] = []
        var token: String?
        repeat {
            let page = try await store.listPage(
                prefix: place.prefix, token: token, delimiter: "/")
            found += page.objects.map {
                BackupFile(name: name($0.name), byteCount: $0.byteCount)
            }
            token = page.nextToken
        } while token != nil
        return found
    }

    package func objects(
        after name: String?, limit: Int
    ) async throws(StorageError) -> [BackupFile] {
        let page = try await store.listPage(
            prefix: path("objects/"), after: name.map(path), limit: limit)
        return page.objects.map {
            BackupFile(name: self.name($0.name), byteCount: $0.byteCount)
        }
    }

    package func byteCount(_ name: String) async throws(StorageError) -> Int64? {
        do {
            return try await store.byteCount(named: path(name))
        } catch {
            guard error.code == .objectNotFound else { throw error }
            return nil
        }
    }

    /// By one request, whose answer says why when it is refused.
    package func read(
        _ name: String, byteCountMax: Int
    ) async throws(StorageError) -> [UInt8] {
        var reading = S3Reading(client: store.client, name: path(name), offset: 0, end: nil)
        var all: [UInt8] = []
        while let step = try await reading.next() {
            all += step.readableBytesView
            guard all.count <= byteCountMax else {
                throw StorageError(
                    .damaged, "\(name) in \(text) is too large: it is none of Martlet's.")
            }
        }
        return all
    }

    package func bytes(_ name: String, _ range: Range<Int64>) -> ObjectBytes {
        store.read(named: path(name), range)
    }

    package func digest(_ name: String) async throws(StorageError) -> (Digest, Int64) {
        try await store.digest(named: path(name))
    }

    // MARK: - Writing

    package func put(_ bytes: [UInt8], as name: String) async throws(StorageError) {
        try checkTaken()
        try await store.putNote(bytes, as: name)
    }

    package func putFile(
        _ source: String, as name: String
    ) async throws(StorageError) -> (Digest, Int64) {
        let byteCount = try PlainFiles.byteCount(source) ?? 0
        return try await write(ObjectBytes(file: source, range: 0..<byteCount), as: name) {
            (writer) throws(StorageError) in
            let stored = try await writer.finish()
            return (stored.digest, stored.byteCount)
        }
    }

    /// Puts an object there unless it has another digest.
    fileprivate func put(
        _ bytes: ObjectBytes, as name: String, digest: Digest
    ) async throws(StorageError) -> Bool {
        try await write(bytes, as: name) { (writer) throws(StorageError) in
            guard case .stored = try await writer.finish(expecting: digest) else { return false }
            return true
        }
    }

    private func write<R: Sendable>(
        _ bytes: ObjectBytes, as name: String,
        _ finish: (S3ObjectWriter) async throws(StorageError) -> R
    ) async throws(StorageError) -> R {
        try checkTaken()
        let writer = S3ObjectWriter(store: store, name: path(name))
        do throws(StorageError) {
            var steps = bytes.makeAsyncIterator()
            while let step = try await steps.next() { try await writer.append(step) }
            return try await finish(writer)
        } catch {
            await writer.discard()
            throw error
        }
    }

    package func remove(_ names: [String]) async throws(StorageError) {
        guard !names.isEmpty else { return }
        try checkTaken()
        try await store.remove(names: names.map(path))
    }

    package func copies() async throws(StorageError) -> any BackupCopies {
        BucketBackupCopies(place: self)
    }

    package func freeByteCount() async throws(StorageError) -> Int64? { nil }
}

/// Each object has its name when it is whole.
private struct BucketBackupCopies: BackupCopies {
    let place: BucketBackupPlace

    func add(
        _ source: BackupBytes, as name: String, number: Int, digest: Digest
    ) async throws(StorageError) -> Bool {
        try await place.put(source.bytes, as: name, digest: digest)
    }

    func settle() async throws(StorageError) {}

    func end() async throws(StorageError) {}
}
