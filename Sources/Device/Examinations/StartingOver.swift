package import Agent
import Library
import Records
import Status
import SyncEngine

/// What starting over on this device would mean: rung 8 of the remedies.
///
/// It may be done only while `unproven` is empty: then the server has just read back its copy of
/// every original of the library, and nothing could be lost (P10).
package struct StartingOver: Sendable {
    /// The library's originals, proven or not.
    package let count: Int
    package let byteCount: Int64
    /// Those that would be lost if they left, and why.
    package let unproven: [LibraryRemoval.Kept]

    /// Asks the server to read its copies back, page by page; `progress` hears how far that is.
    ///
    /// Changes nothing. Files that Martlet does not sync are not looked at: they stay.
    package static func look(_ question: Question) async throws(AgentError) -> StartingOver {
        let home = question.home
        let configuration = try home.configuration()
        let settings = try DeviceDatabase(home).settings()
        guard let client = ExaminedDevice.client(home, configuration) else {
            throw AgentError(.signInNeeded, "This device is not signed in: run martlet login.")
        }
        let requests = RepairRequests(
            home, configuration, settings, client, question.surroundings)
        let files = try LibraryRemoval.files(of: home).filter(\.isSynced)
        let digests = Set(files.filter { !$0.isOnlyHere }.compactMap { $0.content?.digest })
        var proven: Set<Digest> = []
        let failure: RequestFailure?
        do {
            try await requests.receipts(for: digests.sorted()) { receipts, count in
                proven.formUnion(receipts.map(\.digest))
                question.progress(count, digests.count)
            }
            failure = nil
        } catch let error {
            failure = error
        }
        await requests.stop()
        await client.shutdown()
        if let failure {
            let error = AgentError(failure)
            throw AgentError(
                error.code,
                "The server cannot be asked for proof of what it has, so nothing was done: "
                    + error.message, cause: failure)
        }
        let unproven = files.filter { file in
            guard !file.isOnlyHere, let digest = file.content?.digest else { return true }
            return !proven.contains(digest)
        }
        return StartingOver(
            count: files.count, byteCount: files.reduce(0) { $0 + $1.stamp.byteCount },
            unproven: LibraryRemoval(before: files, after: unproven).kept)
    }
}

extension LocalFile {
    fileprivate var isSynced: Bool { if case .notIncluded = state { false } else { true } }

    /// The server was never told of these bytes, or not yet.
    fileprivate var isOnlyHere: Bool { content == nil || agreed == nil || isEdited }
}
