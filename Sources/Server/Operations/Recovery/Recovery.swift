import Records
import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Gives every original its name back, without a database: from the objects and the manifest, or from
/// the objects alone.
///
///     OUT/ACCOUNT/2024/07/IMG_1.JPG    what the manifest names
///     OUT/by-digest/4f/4f0c….jpg       what nothing names
///     OUT/.martlet-recovering/         files on their way in; removed at the end
///
/// - Nothing in the server's folder is changed, and nothing in OUT is ever replaced.
/// - A file has its name when its bytes were hashed and are on the medium: interrupted, the same
///   again goes on, and what is there is read and left.
/// - An object that is gone or damaged is looked for once more at the end: the same bytes may lie
///   under another key, when they were sent again after the manifest was made.
///
/// Every call blocks.
package struct Recovery: Sendable {
    package typealias Report = RecoveryReport

    /// What a server's folder has for it.
    package struct Source: Sendable {
        package let folder: String
        package let manifest: String
        package let objects: String

        package init(folder: String, manifest: String, objects: String) {
            self.folder = folder
            self.manifest = manifest
            self.objects = objects
        }
    }

    /// How far it is: files looked at, of how many (0: nobody knows), and bytes copied.
    package struct Progress: Hashable, Sendable {
        package let done: Int
        package let count: Int
        package let copiedByteCount: Int64
    }

    package static let unnamed = "by-digest"

    private let source: Source
    private let out: String
    private let account: String?

    /// `out` is absolute; `account`: of this one only.
    package init(from source: Source, to out: String, account: String?) {
        self.source = source
        self.out = out
        self.account = account
    }

    /// Where files are on their way in, and a lock may lie.
    package var staging: String { out + "/.martlet-recovering" }

    /// Throws what makes it impossible; makes OUT.
    package func prepare() throws {
        let reader = ManifestReader(path: source.manifest)
        if try reader.header()?.blobs == .bucket {
            throw RecoveryError(
                .blobsInBucket,
                "This server kept its blobs in a bucket, and martlet recover reads directories only: "
                    + "copy the bucket's objects by the store's own means; \(source.manifest) says "
                    + "which key is which picture.")
        }
        let hasManifest = try PlainFiles.byteCount(source.manifest) != nil
        guard try PlainFiles.byteCount(source.objects) != nil || hasManifest else {
            throw RecoveryError(
                .noServerThere,
                "No server kept its data in \(source.folder): it has neither blobs/objects nor "
                    + "manifest.jsonl.")
        }
        guard out != source.folder, !out.hasPrefix(source.folder + "/"),
            !source.folder.hasPrefix(out + "/")
        else {
            throw RecoveryError(
                .invalidFolder,
                "The folder to recover into and the server's must not lie within each other.")
        }
        try check(account, reader, hasManifest: hasManifest)
        do {
            try FileManager.default.createDirectory(
                atPath: staging, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw RecoveryError(
                .invalidFolder,
                "\(out) cannot be made or written into: check its path, its rights and its disk.")
        }
    }

    private func check(
        _ account: String?, _ reader: ManifestReader, hasManifest: Bool
    ) throws {
        guard let account else { return }
        guard hasManifest else {
            throw RecoveryError(
                .manifestMissing,
                "Without \(source.manifest) nobody knows whose the objects are: leave out "
                    + "--account.")
        }
        let known = try reader.accounts()
        guard known.contains(account) else {
            throw RecoveryError(
                .accountNotFound,
                "The manifest knows no account \(account); it knows: "
                    + known.joined(separator: ", ") + ".")
        }
    }

    /// Call `prepare` first.
    ///
    /// Throws `diskFull` when OUT's disk is: what has its name stays, and the same again goes on.
    package func run(_ progress: @escaping (Progress) -> Void) throws -> Report {
        let reader = ManifestReader(path: source.manifest)
        var report = Report()
        var (count, readsRest) = (0, false)
        switch try reader.condition() {
        case .absent: readsRest = true
        case .whole(let header):
            (report.names, report.madeAt, count) = (.whole, header.madeAt, header.files)
        case .damaged(let header, let why):
            (report.names, report.madeAt) = (.damaged(why), header?.madeAt)
            readsRest = account == nil
        }
        let target = try RecoveryTarget(out: out, staging: staging)
        let work = RecoveryWork(
            source: source, target: target, report: report, count: count, progress: progress)
        do {
            if report.names != .absent { try work.recoverNamed(reader, account: account) }
            if readsRest { try work.recoverUnnamed() }
            try work.finish()
        } catch let error as StorageError where error.code == .diskFull {
            // What was copied whole gets its names: there is no need to copy it again.
            try? work.finish()
            throw RecoveryError(
                .diskFull,
                "The disk of \(out) is full: \(work.report.copiedCount) files have been recovered so "
                    + "far. Free some space there, and run the same again: it goes on.")
        }
        return work.report
    }
}
