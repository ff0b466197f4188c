import NIOCore
import NIOHTTP1
import Records

/// Notes: small things of the server's own beside its objects, by their names below the prefix. Its
/// collector never sees them.
extension S3ObjectStore {
    /// A name in a folder that nothing has.
    package func newNoteName(in folder: String) -> String {
        folder + randomDigits() + randomDigits()
    }

    /// `nil` when there is none.
    package func note(_ name: String) async throws(StorageError) -> [UInt8]? {
        do {
            return try await client.send(S3Request(method: .GET, key: place.prefix + name)) {
                (answer) throws(S3Failure) in answer.body
            }
        } catch {
            guard error.code == .objectNotFound else { throw error }
            return nil
        }
    }

    /// Puts it there, in the place of one with its name.
    ///
    /// `isWaitedFor`: somebody waits who has another way, so it is given up soon.
    package func putNote(
        _ bytes: [UInt8], as name: String, isWaitedFor: Bool = false
    ) async throws(StorageError) {
        try await client.send(
            S3Request(method: .PUT, key: place.prefix + name, body: ByteBuffer(bytes: bytes)),
            triesMax: isWaitedFor ? Limits.s3TriesAtStartMax : Limits.s3TriesMax)
    }

    /// The names of all notes in a folder, which ends with a slash.
    package func noteNames(in folder: String) async throws(StorageError) -> [String] {
        var names: [String] = []
        var token: String?
        repeat {
            let page = try await listPage(prefix: place.prefix + folder, token: token)
            names += page.objects.map { String($0.name.dropFirst(place.prefix.count)) }
            token = page.nextToken
        } while token != nil
        return names
    }

    /// Those of them that are there.
    package func notes(_ names: [String]) async throws(StorageError) -> [[UInt8]] {
        try await eachAtOnce(names) { (name) throws(StorageError) in try await self.note(name) }
            .compactMap(\.self)
    }

    package func removeNotes(_ names: [String]) async throws(StorageError) {
        try await remove(names: names.map { place.prefix + $0 })
    }
}
