import Agent
import Library
import Records
import Status
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The deep look: every original's bytes are read again, gently, and the server is asked to read
/// back its copies.
///
/// What was read is noted in MARTLET_HOME, so that a look which was broken off goes on.
enum Rereading {
    /// How far it came, in `reading-again.json`.
    struct Progress: Codable {
        /// The last file's path, hexadecimal.
        var after: String
        /// Those that were found to differ so far.
        var differing: [String]
        var isWhole = false
    }

    static func look(_ device: ExaminedDevice) async -> Look {
        guard device.question.isDeep else { return Look("not read again; --deep does") }
        guard let library = device.library,
            let files = try? device.database.read({ (rows) throws(RowsError) in
                try rows.agreedFiles()
            })
        else { return .notPossible("the database cannot be read") }
        let differing = await reread(files, library, device)
        guard !differing.isEmpty else { return Look("\(files.count) files were read again") }
        return Look(
            "\(files.count) files were read again",
            [
                Finding(
                    .bytesDiffer, ["items": EvidenceText.items(differing.count)],
                    items: differing.map(\.place.path.text))
            ])
    }

    private static func reread(
        _ files: [AgreedFile], _ library: String, _ device: ExaminedDevice
    ) async -> [AgreedFile] {
        let mending = LibraryMending(library: library)
        var progress = saved(device.home) ?? Progress(after: "", differing: [])
        if progress.isWhole { progress = Progress(after: "", differing: []) }
        var differing: [AgreedFile] = []
        var (sinceSaved, began) = (Int64(0), device.surroundings.now().uptime)
        let files = files.sorted { $0.place.path < $1.place.path }
        for (index, file) in files.enumerated() {
            let key = Hexadecimal.encode(file.place.path.bytes)
            let isDone = !progress.after.isEmpty && key <= progress.after
            if isDone, !progress.differing.contains(key) { continue }
            if Task.isCancelled { break }
            if !mending.isGood(file), mending.isUnchanged(file) {
                differing.append(file)
                if !isDone { progress.differing.append(key) }
            }
            guard !isDone else { continue }
            progress.after = key
            sinceSaved += file.stamp.byteCount
            device.question.progress(index + 1, files.count)
            if sinceSaved >= Limits.rereadByteCountPerSecond {
                save(progress, device)
                // As long as the rate allows for what was read.
                let due = sinceSaved * 1_000 / Limits.rereadByteCountPerSecond
                let took = device.surroundings.now().uptime - began
                if took < due {
                    try? await device.surroundings.sleep(.milliseconds(due - took))
                }
                (sinceSaved, began) = (0, device.surroundings.now().uptime)
            }
        }
        progress.isWhole = !Task.isCancelled
        save(progress, device)
        return differing
    }

    /// The files that the latest look found to differ, as rows have them now.
    static func differing(_ home: DeviceHome, _ files: [AgreedFile]) -> [AgreedFile] {
        let keys = Set(saved(home)?.differing ?? [])
        return files.filter { keys.contains(Hexadecimal.encode($0.place.path.bytes)) }
    }

    private static func saved(_ home: DeviceHome) -> Progress? {
        FileManager.default.contents(atPath: home.rereadingPath).flatMap {
            try? JSONDecoder().decode(Progress.self, from: $0)
        }
    }

    private static func save(_ progress: Progress, _ device: ExaminedDevice) {
        guard let data = try? JSONEncoder().encode(progress) else { return }
        try? data.write(to: URL(fileURLWithPath: device.home.rereadingPath), options: .atomic)
    }

    /// Asks the server to read its copies back, page by page; what it finds lost it asks for, so
    /// that the comparison of both sides sees it.
    ///
    /// Returns how many it has proven; `nil`: it did not answer.
    static func askServer(_ device: ExaminedDevice) async -> Int? {
        guard let requests = device.requests,
            let files = try? device.database.read({ (rows) throws(RowsError) in
                try rows.agreedFiles()
            })
        else { return nil }
        let digests = Set(files.map(\.digest)).sorted()
        var proven = 0
        do {
            try await requests.receipts(for: digests) { receipts, count in
                proven += receipts.count
                // Proof is worth keeping, whoever asked for it.
                let askedAt = device.surroundings.now().wall
                try? device.database.write { (rows) throws(RowsError) in
                    for receipt in receipts {
                        try rows.save(StoredReceipt(receipt, askedAt: askedAt))
                    }
                }
                device.question.progress(count, digests.count)
            }
        } catch {
            return nil
        }
        return proven
    }
}
