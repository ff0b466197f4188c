package import Records
package import Storage

/// The backups that a place holds: the newest, and those before it that were kept.
///
/// They share their objects. Whoever changes anything has taken the place.
package struct Backups: Sendable {
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

    private let place: any BackupPlace

    package init(_ place: any BackupPlace) { self.place = place }

    /// All of them, the newest last.
    ///
    /// Throws `notABackup` where there is none, and `backupDamaged` for a manifest that cannot be
    /// understood. Blocks.
    package func backups() async throws -> [Kept] {
        let newest = try await BackupManifest.read(in: place)
        let sizes = Dictionary(try await place.files().map { ($0.name, $0.byteCount) }) { $1 }
        var found = [newest.madeAt: newest]
        for name in sizes.keys.sorted() {
            guard let time = Self.time(name, "manifest-", ".json"), found[time] == nil else {
                continue
            }
            let manifest = try await manifest(name, madeAt: time)
            // A Martlet that kept one backup only has removed its database.
            let isWhole = [manifest.database, manifest.list].allSatisfy {
                sizes[$0.name] == $0.byteCount
            }
            if isWhole { found[time] = manifest }
        }
        var kept: [Kept] = []
        for manifest in found.values.sorted(by: { $0.madeAt < $1.madeAt }) {
            let mark = mark(manifest.madeAt)
            let provenAt = sizes[mark] == nil ? nil : try await provenAt(mark)
            kept.append(Kept(manifest: manifest, provenAt: provenAt))
        }
        return kept
    }

    private func manifest(_ name: String, madeAt: Timestamp) async throws -> BackupManifest {
        do {
            return try await BackupManifest.read(in: place, madeAt: madeAt)
        } catch is BackupError {
            throw BackupError(
                .backupDamaged,
                "\(name) in \(place.text) cannot be understood: remove that file to give that "
                    + "backup up.")
        }
    }

    // MARK: - Proofs

    private func mark(_ madeAt: Timestamp) -> String { "proven-\(madeAt.milliseconds)" }

    private func provenAt(_ mark: String) async throws -> Timestamp? {
        let bytes = try await place.read(mark, byteCountMax: Limits.provenMarkByteCountMax)
        let text = String(decoding: bytes, as: UTF8.self).split(separator: "\n").first ?? ""
        return Int64(text).map(Timestamp.init(milliseconds:))
    }

    /// Remembers beside a backup how its proof went.
    ///
    /// Blocks.
    package func remember(_ report: BackupProof.Report, at now: Timestamp) async throws {
        if report.problems.isEmpty {
            try await place.put(Array("\(now.milliseconds)\n".utf8), as: mark(report.madeAt))
        } else {
            try await place.remove([mark(report.madeAt)])
        }
    }

    // MARK: - Pruning

    /// Removes the backups that the rule does not keep, and then the objects that none of those names
    /// that are left.
    ///
    /// - The newest stays, and the newest of those that were proven to restore.
    /// - What a kept backup names is read from its list, which is checked on the way: nothing is
    ///   removed while one of them is not as it was written.
    /// - Killed at any moment, each backup is whole or none; the next time removes what is left over.
    ///
    /// With `isDry` it says what it would remove. Memory: a step of each kept list, and the digests
    /// of what goes. Blocks.
    package func prune(by rule: KeepRule, isDry: Bool = false) async throws -> Pruned {
        let backups = try await backups()
        var keeping = rule.kept(of: backups.map(\.manifest.madeAt))
        // One that was killed between its two manifests is newer than what restores by itself.
        keeping.insert(try await BackupManifest.read(in: place).madeAt)
        if let proven = backups.last(where: { $0.provenAt != nil }) {
            keeping.insert(proven.manifest.madeAt)
        }
        var pruned = Pruned()
        pruned.kept = backups.filter { keeping.contains($0.manifest.madeAt) }
        pruned.removed = backups.filter { !keeping.contains($0.manifest.madeAt) }
        let going = try await unnamed(by: pruned.kept.map(\.manifest), &pruned)
        guard !isDry else { return pruned }
        try await place.confirm()
        try await sweep(keeping: keeping)
        try await remove(going)
        return pruned
    }

    /// The objects of the place that none of the backups names.
    private func unnamed(
        by manifests: [BackupManifest], _ pruned: inout Pruned
    ) async throws -> [Digest] {
        // Should they turn up again.
        let missing = Set(manifests.flatMap(\.missing))
        var lists = manifests.map { NamedObjects($0, in: place) }
        var placed = PlacedObjects(place)
        var unnamed: [Digest] = []
        while let object = try await placed.next() {
            var isNamed = missing.contains(object.digest)
            for index in lists.indices where !isNamed {
                isNamed = try await lists[index].names(object.digest)
            }
            guard !isNamed else { continue }
            unnamed.append(object.digest)
            pruned.objectCount += 1
            pruned.objectByteCount += object.byteCount
        }
        for index in lists.indices { try await lists[index].end() }
        return unnamed
    }

    private func remove(_ digests: [Digest]) async throws {
        var rest = digests[...]
        while !rest.isEmpty {
            try Task.checkCancellation()
            let turn = rest.prefix(Limits.backupPageRowsMax)
            try await place.remove(turn.map(BackupObject.name(of:)))
            rest = rest.dropFirst(turn.count)
        }
    }

    /// Removes the files of all other backups, and of such as were never whole.
    ///
    /// A backup's manifest goes first: without it the rest is nothing.
    func sweep(keeping: Set<Timestamp>) async throws {
        let names = try await place.files().map(\.name)
        for prefix in ["manifest-", "proven-", "database-", "list-"] {
            // Behind the time stands an ending, and behind that what one that was killed has left.
            let going = names.filter { name in
                guard name.hasPrefix(prefix) else { return false }
                let time = Int64(name.dropFirst(prefix.count).prefix { $0.isNumber })
                return time.map { !keeping.contains(Timestamp(milliseconds: $0)) } ?? false
            }
            if !going.isEmpty { try await place.remove(going) }
        }
    }

    /// The time in a name of these parts; `nil` for any other name.
    static func time(_ name: String, _ prefix: String, _ suffix: String) -> Timestamp? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        return Int64(name.dropFirst(prefix.count).dropLast(suffix.count))
            .map(Timestamp.init(milliseconds:))
    }
}

/// Whether a backup names an object, asked in the order of digests.
private struct NamedObjects {
    private var listed: ListedObjects
    private var ahead: BackupObject?
    private var isAtEnd = false

    init(_ manifest: BackupManifest, in place: any BackupPlace) {
        listed = ListedObjects(manifest, in: place)
    }

    mutating func names(_ digest: Digest) async throws -> Bool {
        while !isAtEnd {
            if let ahead, ahead.digest >= digest { return ahead.digest == digest }
            try await advance()
        }
        return false
    }

    /// Throws unless the list is as it was written.
    mutating func end() async throws {
        while !isAtEnd { try await advance() }
    }

    private mutating func advance() async throws {
        ahead = try await listed.next()
        isAtEnd = ahead == nil
    }
}

extension Limits {
    /// Days, weeks or months of one rule.
    static let keptBackupsMax = 1_000
    static let provenMarkByteCountMax = 64
}
