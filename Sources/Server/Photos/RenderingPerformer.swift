import Kernel
import Logging
import Media
import Records
import Storage

/// Does one job: finds the bytes, has them read and drawn, and says what came of it.
///
/// Never throws: whatever goes wrong belongs to this one picture. Only a stop does not: a job that
/// it met has no outcome.
struct RenderingPerformer: Sendable {
    let database: any Database
    let objects: any ObjectStore
    let kernel: Kernel
    let reader: any PictureReader
    let temporaryFolder: String
    let logger: Logger

    func perform(_ job: RenderingJob) async -> RenderingOutcome? {
        var outcome = RenderingOutcome()
        do {
            let original = try await file(of: job.original, for: job)
            let sidecar = try await job.sidecar.asyncMap { try await file(of: $0, for: job) }
            defer {
                original.discard()
                sidecar?.discard()
            }
            if job.needsFacts {
                outcome.facts = try await facts(of: job, original.path, sidecar?.path)
            }
            if job.needsThumbnail || job.needsPreview {
                do throws(any Error) {
                    outcome.picture = try await reader.render(
                        original.path, mediaType: job.mediaType, thumbnail: job.needsThumbnail,
                        preview: job.needsPreview)
                } catch PictureFailure.damaged(let cause) {
                    log(job, "No picture can be read from a file", cause)
                    outcome.problem = PictureProblem.damagedFile
                }
            }
        } catch {
            // Its child was ended with the server.
            if Task.isCancelled { return nil }
            fail(job, error, &outcome)
        }
        return outcome
    }

    /// Facts of a file that cannot be read say that it is damaged.
    private func facts(
        of job: RenderingJob, _ path: String, _ sidecar: String?
    ) async throws -> Facts {
        do {
            return try await reader.facts(
                of: path, sidecar: sidecar, name: job.name, fileModifiedAt: job.fileModifiedAt,
                mediaType: job.mediaType)
        } catch PictureFailure.damaged(let cause) {
            log(job, "No facts can be read from a file", cause)
            return Self.damagedFacts(of: job)
        }
    }

    private static func damagedFacts(of job: RenderingJob) -> Facts {
        var facts = Facts(
            kind: job.mediaType.isVideo ? .video : .image, mediaType: job.mediaType)
        facts.damaged = true
        return facts
    }

    /// A failure that may pass is tried again; one that came too often is the file's own.
    private func fail(_ job: RenderingJob, _ error: any Error, _ outcome: inout RenderingOutcome) {
        let isLost = (error as? StorageError)?.code == .objectNotFound || error is KernelError
        if case PictureFailure.temporary(let cause) = error,
            job.lease.attempts >= Limits.jobAttemptsMax
        {
            log(job, "A file failed too often", cause)
            outcome.problem = PictureProblem.damagedFile
            if job.needsFacts, outcome.facts == nil { outcome.facts = Self.damagedFacts(of: job) }
            return
        }
        log(job, isLost ? "The bytes of a picture are not there" : "A picture failed", "\(error)")
        outcome.failure = "\(error)"
    }

    private func log(_ job: RenderingJob, _ message: Logger.Message, _ cause: String) {
        logger.warning(
            message,
            metadata: [
                "asset": "\(job.id)", "stage": "\(job.stage.rawValue)", "cause": "\(cause)",
            ])
    }
}

/// The words of the `problem` field.
package enum PictureProblem {
    package static let damagedFile = "damagedFile"
}

// MARK: - Bytes as files

extension RenderingPerformer {
    /// The decoding children read files: the store's own, or a copy of the object.
    private func file(of digest: Digest, for job: RenderingJob) async throws -> ReadableFile {
        let location = try await database.read { [kernel] transaction in
            try kernel.object(digest, for: job.owner, in: transaction)
        }
        if let path = objects.localPath(of: location.key) {
            return ReadableFile(path: path, isCopy: false)
        }
        guard location.byteCount <= Limits.readableCopyByteCountMax else {
            throw StorageError(
                .failed, "A file of \(location.byteCount) bytes is too large to be fetched.")
        }
        // One of the job's own: another may read the same object, and removes its copy.
        let path = "\(temporaryFolder)/\(job.id.text)-\(job.stage.rawValue)-\(digest.text)"
        let copy = ReadableFile(path: path, isCopy: true)
        do {
            try await copy.write(objects.read(location.key, 0..<location.byteCount))
            return copy
        } catch {
            copy.discard()
            throw error
        }
    }
}

extension Optional where Wrapped: Sendable {
    fileprivate func asyncMap<R>(_ transform: (Wrapped) async throws -> R) async rethrows -> R? {
        guard let self else { return nil }
        return try await transform(self)
    }
}
