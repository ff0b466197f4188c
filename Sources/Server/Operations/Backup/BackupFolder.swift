package import Records
import Storage

/// The backups that a folder holds: the newest, and those before it that were kept.
///
/// They share their objects. Whoever changes the folder has its lock.
package struct BackupFolder: Sendable {
    /// One whole backup.
    package struct Kept: Hashable, Sendable {
        package let manifest: BackupManifest
        /// When it was last proven to restore; `nil`: never, or a later try failed.
        package let provenAt: Timestamp?
    }

    /// What pruning removes.
    package struct Pruned: Hashable, Sendable {
        /// Those that stay, the newest last.
        package var kept: [Kept] = []
        package var removed: [Kept] = []
        /// Objects that no kept backup names.
        package var objectCount = 0
        package var objectByteCount: Int64 = 0
    }

    private let path: String

    package init(_ path: String) { self.path = path }

    /// All of them, the newest last.
    ///
    /// Throws `notABackup` where there is none, and `backupDamaged` for a manifest that cannot be
    /// understood. Blocks.
    package func backups() throws -> [Kept] {
        let newest = try BackupManifest.read(in: path)
        var found = [newest.madeAt: newest]
        for name in try PlainFiles.names(in: path) {
            guard let time = Self.time(name, "manifest-", ".json"), found[time] == nil else {
                continue
            }
            let manifest: BackupManifest
            do {
                manifest = try BackupManifest.read(in: path, madeAt: time)
            } catch {
                throw BackupError(
                    .backupDamaged,
                    "\(name) in \(path) cannot be understood: remove that file to give that backup "
                        + "up.")
            }
            // A Martlet that kept one backup only has removed its database.
            let isWhole = try [manifest.database, manifest.list].allSatisfy {
                try PlainFiles.byteCount(path + "/" + $0.name) == $0.byteCount
            }
            if isWhole { found[time] = manifest }
        }
        return try found.values.sorted { $0.madeAt < $1.madeAt }.map {
            Kept(manifest: $0, provenAt: try provenAt($0.madeAt))
        }
    }

    // MARK: - Proofs

    private func mark(_ madeAt: Timestamp) -> String { "\(path)/proven-\(madeAt.milliseconds)" }

    private func provenAt(_ madeAt: Timestamp) throws -> Timestamp? {
        guard try PlainFiles.byteCount(mark(madeAt)) != nil else { return nil }
        let bytes = try PlainFiles.read(mark(madeAt), byteCountMax: Limits.provenMarkByteCountMax)
        let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first ?? ""
        return Int64(text).map(Timestamp.init(milliseconds:))
    }

    /// Remembers beside a backup how its proof went.
    ///
    /// Blocks.
    package func remember(_ report: BackupProof.Report, at now: Timestamp) throws {
        if report.problems.isEmpty {
            try PlainFiles.write(Array("\(now.milliseconds)\n".utf8), to: mark(report.madeAt))
        } else {
            try PlainFiles.remove(mark(report.madeAt))
        }
    }

    // MARK: - Pruning

    /// Removes the backups that the rule does not keep, and then the objects that none of those names
    /// that are left.
    ///
    /// - The newest stays, and the newest of those that were proven to restore.
    /// - What a kept backup names is read from its list, and the list is checked before: nothing is
    ///   removed while one of them is not as it was written.
    /// - Killed at any moment, each backup is whole or none; the next time removes what is left over.
    ///
    /// With `isDry` it says what it would remove. Blocks.
    package func prune(by rule: KeepRule, isDry: Bool = false) throws -> Pruned {
        let backups = try backups()
        var keeping = rule.kept(of: backups.map(\.manifest.madeAt))
        // One that was killed between its two manifests is newer than what restores by itself.
        keeping.insert(try BackupManifest.read(in: path).madeAt)
        if let proven = backups.last(where: { $0.provenAt != nil }) {
            keeping.insert(proven.manifest.madeAt)
        }
        var pruned = Pruned()
        pruned.kept = backups.filter { keeping.contains($0.manifest.madeAt) }
        pruned.removed = backups.filter { !keeping.contains($0.manifest.madeAt) }
        let named = try named(by: pruned.kept.map(\.manifest))
        if !isDry { try sweep(keeping: keeping) }
        try removeObjects(except: named, isDry: isDry, &pruned)
        return pruned
    }

    private func named(by manifests: [BackupManifest]) throws -> Set<Digest> {
        var named: Set<Digest> = []
        for manifest in manifests {
            try manifest.check(manifest.list, in: path)
            let bytes = try PlainFiles.read(
                path + "/" + manifest.list.name, byteCountMax: Int(manifest.list.byteCount))
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                guard let object = BackupObject(line: line) else {
                    throw BackupError(
                        .backupDamaged,
                        "\(manifest.list.name) in \(path) cannot be understood: take another "
                            + "backup.")
                }
                named.insert(object.digest)
            }
            // Should they turn up again.
            named.formUnion(manifest.missing)
        }
        return named
    }

    /// Removes the files of all other backups, and of such as were never whole.
    ///
    /// A backup's manifest goes first: without it the rest is nothing.
    func sweep(keeping: Set<Timestamp>) throws {
        let names = try PlainFiles.names(in: path)
        for prefix in ["manifest-", "proven-", "database-", "list-"] {
            // Behind the time stands an ending, and behind that what one that was killed has left.
            let going = names.filter { name in
                guard name.hasPrefix(prefix) else { return false }
                let time = Int64(name.dropFirst(prefix.count).prefix { $0.isNumber })
                return time.map { !keeping.contains(Timestamp(milliseconds: $0)) } ?? false
            }
            for name in going { try PlainFiles.remove(path + "/" + name) }
            if !going.isEmpty { try PlainFiles.syncFolder(path) }
        }
    }

    private func removeObjects(
        except named: Set<Digest>, isDry: Bool, _ pruned: inout Pruned
    ) throws {
        let objects = path + "/objects"
        for folder in try PlainFiles.names(in: objects) {
            try Task.checkCancellation()
            for name in try PlainFiles.names(in: objects + "/" + folder) {
                let file = "\(objects)/\(folder)/\(name)"
                guard let digest = try? Digest(parsing: name), !named.contains(digest),
                    let byteCount = try PlainFiles.byteCount(file)
                else { continue }
                pruned.objectCount += 1
                pruned.objectByteCount += byteCount
                if !isDry { try PlainFiles.remove(file) }
            }
        }
    }

    /// The time in a name of these parts; `nil` for any other name.
    static func time(_ name: String, _ prefix: String, _ suffix: String) -> Timestamp? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        return Int64(name.dropFirst(prefix.count).dropLast(suffix.count))
            .map(Timestamp.init(milliseconds:))
    }
}

extension Limits {
    /// Days, weeks or months of one rule.
    static let keptBackupsMax = 1_000
    static let provenMarkByteCountMax = 64
}
