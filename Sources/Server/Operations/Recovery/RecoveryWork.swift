import Library
import Media
import Records
import Storage

/// One run of a recovery.
final class RecoveryWork {
    private typealias Wanted = RecoveryTarget.Wanted

    /// A file whose object was not what it should be, until every other object has been thought of.
    private struct Failed {
        let wanted: RecoveryTarget.Wanted
        let path: String
        /// `nil` when it is gone.
        let damagedObject: String?
        var isFound = false
    }

    private let source: Recovery.Source
    private let target: RecoveryTarget
    private let progress: (Recovery.Progress) -> Void
    private let count: Int
    private var done = 0
    private var failed: [Failed] = []
    /// What the manifest named, kept only where the rest is looked for as well.
    private var named: Set<Digest> = []
    private(set) var report: RecoveryReport

    init(
        source: Recovery.Source, target: RecoveryTarget, report: RecoveryReport, count: Int,
        progress: @escaping (Recovery.Progress) -> Void
    ) {
        self.source = source
        self.target = target
        self.report = report
        self.count = count
        self.progress = progress
    }

    func recoverNamed(_ reader: ManifestReader, account: String?) throws {
        let keepsDigests = report.names != .whole && account == nil
        try reader.forEachFile { file in
            guard account == nil || file.account == account else { return step() }
            let folder = FileName.sanitized(file.account) + "/" + file.folder
            let wanted = Wanted(
                folder: folder, digest: file.digest, byteCount: file.byteCount,
                modifiedAt: file.modifiedAt, name: file.fileName)
            let path = folder + "/" + String(decoding: file.fileName(1), as: UTF8.self)
            switch try recover(wanted, from: file.key.map { source.objects + "/" + $0 }) {
            case .recovered: if keepsDigests { named.insert(file.digest) }
            case .missing:
                failed.append(Failed(wanted: wanted, path: path, damagedObject: nil))
            case .damaged(let object):
                failed.append(Failed(wanted: wanted, path: path, damagedObject: object))
            }
            step()
        }
        try findFailed()
    }

    private func step() {
        done += 1
        progress(
            Recovery.Progress(done: done, count: count, copiedByteCount: report.copiedByteCount))
    }

    private enum Outcome {
        case recovered
        case missing
        /// The object's path.
        case damaged(String)
    }

    private func recover(_ wanted: Wanted, from object: String?) throws(StorageError) -> Outcome {
        if try target.holds(wanted) {
            report.thereCount += 1
            return .recovered
        }
        guard let object, try PlainFiles.byteCount(object) != nil else { return .missing }
        do throws(StorageError) {
            guard try target.take(object, as: wanted) else { return .damaged(object) }
        } catch {
            // A bad sector costs this file; what is wrong with OUT's disk costs all of them.
            guard (try? PlainFiles.digest(object)) == nil else { throw error }
            return .damaged(object)
        }
        report.copiedCount += 1
        report.copiedByteCount += wanted.byteCount
        return .recovered
    }

    // MARK: - Objects by their names

    /// Looks for the bytes of what failed under every other key; what is not found is reported.
    private func findFailed() throws {
        guard !failed.isEmpty else { return }
        var places: [Digest: [Int]] = [:]
        for (index, file) in failed.enumerated() {
            places[file.wanted.digest, default: []].append(index)
        }
        try forEachObject { digest, path in
            for index in places[digest] ?? [] where !failed[index].isFound {
                guard failed[index].damagedObject != path else { continue }
                if case .recovered = try recover(failed[index].wanted, from: path) {
                    failed[index].isFound = true
                }
            }
        }
        for file in failed where !file.isFound {
            if let object = file.damagedObject {
                report.damaged.append("\(file.path) (\(object))")
            } else {
                report.missing.append(file.path)
            }
        }
        failed = []
    }

    /// All objects that were not recovered by name, with the ending that their content has.
    func recoverUnnamed() throws {
        try forEachObject { digest, path in
            guard !named.contains(digest) else { return }
            named.insert(digest)
            let text = digest.text
            let (folder, name) = ("\(Recovery.unnamed)/\(text.prefix(2))", text + ending(of: path))
            let wanted = Wanted(
                folder: folder, digest: digest, byteCount: try PlainFiles.byteCount(path) ?? 0,
                modifiedAt: nil, name: { Array(FileName.numbered(name, $0).utf8) })
            switch try recover(wanted, from: path) {
            case .recovered: report.unnamedCount += 1
            case .missing: break
            case .damaged(let object):
                // Its digest may have a better copy behind it.
                named.remove(digest)
                report.damaged.append("\(folder)/\(name) (\(object))")
            }
            step()
        }
    }

    /// In the order of their keys; names that are no object's are left alone.
    private func forEachObject(_ body: (Digest, String) throws -> Void) throws {
        for folder in try PlainFiles.names(in: source.objects) {
            let path = source.objects + "/" + folder
            for name in try PlainFiles.names(in: path) {
                guard let digest = try? Digest(parsing: String(name.prefix(64))) else { continue }
                try body(digest, path + "/" + name)
            }
        }
    }

    private func ending(of path: String) -> String {
        guard let file = try? FileSource(path: path),
            let head = try? file.read(at: 0, count: MediaContent.headByteCount),
            let type = MediaContent.classify(nameBytes: [], head: head).mediaType,
            !type.fileExtension.isEmpty
        else { return "" }
        return "." + type.fileExtension
    }

    func finish() throws(StorageError) {
        try target.settle()
        try target.end()
    }
}
