import Records
import Status

// Space on the library's disk: no download begins that would go below the reserve, and a small one
// never waits for a large one that does not fit (P7).

extension SyncEngine {
    /// What a new file may take; `nil`: nobody knows.
    private var usableByteCount: Int64? {
        circumstances.reading?.freeByteCount.map { $0 - Limits.deviceReserveByteCount }
    }

    /// Whether the item fits; else it waits for a reading of the disk that says so.
    mutating func hasSpace(for item: DownloadItem) -> Bool {
        guard let usable = usableByteCount else { return true }
        if item.blob.byteCount <= usable - byteCountUnderWay { return true }
        downloads.withoutSpace.insert(item.blob.digest)
        downloads.withoutSpaceSince = downloads.withoutSpaceSince ?? now.wall
        return false
    }

    /// What the reserve lacks; `nil`: nothing, or nobody knows.
    var reserveLack: Int64? { usableByteCount.flatMap { $0 < 0 ? -$0 : nil } }

    func hasRoom(for preview: WantedPreview) -> Bool {
        guard let usable = usableByteCount else { return true }
        return preview.byteCount <= usable - byteCountUnderWay
    }

    /// The disk was looked at again: some of what waits for space may fit now.
    mutating func lookForSpace() {
        guard downloads.spaceReadAt != circumstances.readAt else { return }
        downloads.spaceReadAt = circumstances.readAt
        guard !downloads.withoutSpace.isEmpty else { return }
        let usable = usableByteCount ?? .max
        for digest in downloads.withoutSpace.sorted() {
            if let item = downloads.items[digest], item.blob.byteCount > usable { continue }
            downloads.withoutSpace.remove(digest)
            guard let item = downloads.items[digest], item.stage == .queued else { continue }
            downloads.queue.push(Ticket(order: item.order, subject: digest))
        }
        if downloads.withoutSpace.isEmpty { downloads.withoutSpaceSince = nil }
    }

    /// Of all that is being fetched or copied, whole.
    private var byteCountUnderWay: Int64 {
        var byteCount: Int64 = 0
        for case .download(let digest) in requests.values {
            byteCount += downloads.items[digest]?.blob.byteCount ?? 0
        }
        for case .preview(_, let previewByteCount) in requests.values {
            byteCount += previewByteCount
        }
        for case .copy(let digest, _) in operations.values {
            byteCount += downloads.items[digest]?.blob.byteCount ?? 0
        }
        return byteCount
    }

    var spaceReasons: [Reason] {
        let originals = downloads.withoutSpace.isEmpty ? nil : downloads.withoutSpaceSince
        let waits = [originals, previews.withoutSpaceSince].compactMap { $0 }
        guard let since = since(libraryFails: .noSpace) ?? waits.min() else { return [] }
        let free = circumstances.reading?.freeByteCount
        return [Reason(.deviceFull, ["free": EvidenceText.bytes(free ?? 0)], since: since)]
    }
}
