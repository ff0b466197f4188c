import Library
import Records
import Storage

/// Where recovered files go: copied beside, many synced together, and then named.
final class RecoveryTarget {
    /// A file on its way: where it goes, and by which names.
    struct Wanted {
        /// Below OUT, without empty parts.
        let folder: String
        let digest: Digest
        let byteCount: Int64
        let modifiedAt: Timestamp?
        let name: (Int) -> [UInt8]
    }

    private let out: String
    private let copies: FileCopies
    private var staged: [(file: FileCopies.Staged, wanted: Wanted)] = []
    private var stagedByteCount: Int64 = 0
    private var number = 0
    private var made: Set<String> = []

    init(out: String, staging: String) throws(StorageError) {
        self.out = out
        copies = try FileCopies(staging: staging)
    }

    /// Whether one of its names has these very bytes already.
    func holds(_ wanted: Wanted) throws(StorageError) -> Bool {
        let folder = out + "/" + wanted.folder
        for number in 1...Limits.namesTriedMax {
            switch try FileCopies.use(
                of: wanted.name(number), in: folder, by: wanted.digest, wanted.byteCount)
            {
            case .free: return false
            case .same: return true
            case .other: continue
            }
        }
        return false
    }

    /// Copies and hashes; returns `false` when the source's bytes are others.
    func take(_ source: String, as wanted: Wanted) throws(StorageError) -> Bool {
        number += 1
        let copy = try copies.stage(source, as: number, for: out + "/" + wanted.folder)
        guard copy.digest == wanted.digest else {
            try copies.discard(copy.staged)
            return false
        }
        if let time = wanted.modifiedAt { try copies.setModified(copy.staged, to: time) }
        staged.append((copy.staged, wanted))
        stagedByteCount += copy.byteCount
        if staged.count >= Limits.recoveryBatchCountMax
            || stagedByteCount >= Limits.backupBatchByteCountMax
        {
            try settle()
        }
        return true
    }

    /// Whatever was taken has its name, durably, when it returns.
    func settle() throws(StorageError) {
        guard !staged.isEmpty else { return }
        try copies.syncStaged()
        var folders: Set<String> = []
        for (file, wanted) in staged {
            try makeFolder(wanted.folder, &folders)
            try place(file, wanted)
            folders.insert(out + "/" + wanted.folder)
        }
        for folder in folders.sorted() { try PlainFiles.syncFolder(folder) }
        (staged, stagedByteCount) = ([], 0)
    }

    private func place(_ file: FileCopies.Staged, _ wanted: Wanted) throws(StorageError) {
        let folder = out + "/" + wanted.folder
        for number in 1...Limits.namesTriedMax {
            let name = wanted.name(number)
            if try copies.place(file, in: folder, as: name) { return }
            // Another of the same batch may have been the same file.
            let use = try FileCopies.use(
                of: name, in: folder, by: wanted.digest, wanted.byteCount)
            if use == .same { return try copies.discard(file) }
        }
        throw StorageError(
            .failed,
            "\(folder) has \(Limits.namesTriedMax) files of one name: recover into an empty "
                + "folder.")
    }

    /// Each folder that is new is in `folders` with the one above it, to be synced.
    private func makeFolder(
        _ path: String, _ folders: inout Set<String>
    ) throws(StorageError) {
        guard !made.contains(path) else { return }
        var whole = out
        for part in path.split(separator: "/") {
            folders.insert(whole)
            whole += "/" + part
            try PlainFiles.makeFolder(whole)
        }
        made.insert(path)
    }

    func end() throws(StorageError) { try copies.end() }
}
