import Records
package import Storage

extension BackupPlace {
    /// Works while all others are kept off the place.
    ///
    /// Throws `BackupError.folderBusy` when another has it.
    package func holding<R>(
        for work: String, _ body: () async throws -> R
    ) async throws -> R {
        guard try await take(for: work) else {
            throw BackupError(
                .folderBusy,
                "Another backup writes into \(text): let it end."
                    + (localPath("") == nil
                        ? " One that was killed on another machine has it for "
                            + "\(Limits.leaseSeconds / 60) minutes more at most."
                        : ""))
        }
        do {
            let result = try await body()
            await release()
            return result
        } catch {
            await release()
            throw error
        }
    }
}
