package import Agent
import Library
import Records
import Status
import SyncEngine
package import Wire

/// The truth about storage: what fills this device and the account, and what can leave safely.
///
/// From rows and from what the system says of files; none is opened.
package struct StorageReport: Sendable {
    /// Files of one kind on this device.
    package struct Part: Hashable, Sendable, Encodable {
        /// Stable, for programs.
        package let name: String
        package let files: Int
        package let bytes: Int64
    }

    package struct LargeFile: Hashable, Sendable, Encodable {
        package let path: String
        package let bytes: Int64
    }

    /// Originals that the server holds: Optimize Storage may let them leave.
    package struct Leaving: Hashable, Sendable, Encodable {
        /// Proven by a receipt that this device keeps.
        package let files: Int
        package let bytes: Int64
        /// The server proves these before they leave.
        package let unprovenFiles: Int
        package let unprovenBytes: Int64
    }

    package let library: String
    package let freeBytes: Int64?
    /// Kept free: nothing is fetched that would leave less.
    package let reserveBytes: Int64
    package let optimizes: Bool
    package let parts: [Part]
    package let leaving: Leaving
    package let largest: [LargeFile]
    /// `nil`: the server was not reached, or is older than that it could say.
    package let account: StorageReply?
    /// Still to come to this device, and to go from it.
    package let bytesToDownload: Int64
    package let bytesToUpload: Int64

    package static func make(_ question: Question) async throws(AgentError) -> StorageReport {
        let device = await ExaminedDevice.gather(question)
        let account = try? await device.client?.storage()
        await device.close()
        let configuration = try device.configuration.get()
        let library = configuration.library
        let rows = try device.database.read { (rows) throws(RowsError) in
            try Observed(rows)
        }
        let status = try? device.status?.get()
        return StorageReport(
            library: library, freeBytes: device.conditions.freeByteCount,
            reserveBytes: Limits.deviceReserveByteCount,
            optimizes: device.settings?.optimizesStorage ?? false,
            parts: [rows.originals, rows.others] + ownFolders(library)
                + [databases(device.home)],
            leaving: rows.leaving, largest: rows.largest,
            account: account, bytesToDownload: status?.bytes.toDownload ?? 0,
            bytesToUpload: status?.bytes.toUpload ?? 0)
    }

    private struct Observed: Sendable {
        let originals: Part
        let others: Part
        let leaving: Leaving
        let largest: [LargeFile]

        init(_ rows: DatabaseRows) throws(RowsError) {
            let known = try rows.knownFiles(of: .library)
            let agreed = try rows.agreedFiles()
            var (proven, unproven) = (ItemSample(), ItemSample())
            for file in agreed {
                if try rows.receipt(for: file.digest) != nil {
                    proven.add("", file.stamp.byteCount)
                } else {
                    unproven.add("", file.stamp.byteCount)
                }
            }
            let agreedBytes = proven.byteCount + unproven.byteCount
            let allBytes = known.values.reduce(0) { $0 + $1.stamp.byteCount }
            originals = Part(name: "originals", files: agreed.count, bytes: agreedBytes)
            others = Part(
                name: "onlyHere", files: known.count - agreed.count, bytes: allBytes - agreedBytes)
            leaving = Leaving(
                files: proven.count, bytes: proven.byteCount, unprovenFiles: unproven.count,
                unprovenBytes: unproven.byteCount)
            largest = known.sorted { left, right in
                (right.value.stamp.byteCount, left.key) < (left.value.stamp.byteCount, right.key)
            }
            .prefix(Limits.largestFilesMax)
            .map { LargeFile(path: $0.key.text, bytes: $0.value.stamp.byteCount) }
        }
    }

    /// What lies in `.martlet/`, by folder.
    private static func ownFolders(_ library: String) -> [Part] {
        [
            ("previews", "previews"), ("trash", "trash"), ("incoming", "unfinished"),
            ("leaving", "leaving"), ("quarantine", "quarantine"),
        ].map { folder, name in
            let sum = sum("\(library)/.martlet/\(folder)")
            return Part(name: name, files: sum.count, bytes: sum.byteCount)
        }
    }

    private static func databases(_ home: DeviceHome) -> Part {
        let names = DeviceFiles.names(in: home.path).filter { $0.hasPrefix("device.sqlite") }
        return Part(
            name: "databases", files: names.count,
            bytes: names.reduce(0) { $0 + DeviceFiles.byteCount("\(home.path)/\($1)") })
    }

    private static func sum(_ path: String) -> ItemSample {
        var sample = ItemSample()
        for name in DeviceFiles.names(in: path) {
            let child = "\(path)/\(name)"
            if DeviceFiles.isFolder(child) {
                let below = sum(child)
                sample.count += below.count
                sample.byteCount += below.byteCount
            } else {
                sample.add("", DeviceFiles.byteCount(child))
            }
        }
        return sample
    }
}

extension Limits {
    static let largestFilesMax = 10
}
