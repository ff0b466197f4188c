package import Kernel
package import Library
import Media
package import Records
package import Storage

/// The photo library as people look at it: months, pictures, thumbnails, originals.
///
/// Every call is for one account and sees its zones only. `zone: nil` is the account's own library.
package struct PhotosService: Sendable {
    private let database: any Database
    private let kernel: Kernel

    package init(database: any Database, kernel: Kernel) {
        self.database = database
        self.kernel = kernel
    }

    /// One picture in a listing.
    package struct Picture: Hashable, Sendable {
        package let id: RecordID
        package let name: String
        package let kind: String
        package let shown: LocalTime
        package let mediaType: String
        package let byteCount: Int64
        package let original: Digest?
        package let width: Int?
        package let height: Int?
        package let duration: Double?
        package let isFavorite: Bool
        package let thumbhash: [UInt8]?
        package let thumbnail: Digest?
        package let preview: Digest?
        package let problem: String?
    }

    package struct MonthCount: Hashable, Sendable {
        package let month: PhotoMonth
        package let count: Int
    }

    package struct Progress: Hashable, Sendable {
        package let assets: Int
        /// Without facts or thumbnail, except what was given up.
        package let waiting: Int
        /// With a thumbnail, but no preview yet.
        package let withoutPreview: Int
        package let damaged: Int

        package init(assets: Int, waiting: Int, withoutPreview: Int, damaged: Int) {
            self.assets = assets
            self.waiting = waiting
            self.withoutPreview = withoutPreview
            self.damaged = damaged
        }
    }

    /// Bytes to hand out.
    package struct Content: Hashable, Sendable {
        package let location: ObjectLocation
        package let mediaType: String
        /// The name to save it under.
        package let name: String
    }

    package enum Rendition: Hashable, Sendable { case thumbnail, preview }
}

extension PhotosService {
    /// The months of a section with their counts, newest first.
    package func months(
        _ section: PhotoSection = .timeline, in zone: ZoneID?, for account: AccountID
    ) async throws(PhotosError) -> (zone: ZoneID, months: [MonthCount]) {
        try await read { transaction in
            let zone = try find(zone, for: account, transaction)
            let rows = try transaction.rows(
                """
                SELECT month, assetCount FROM photoMonth WHERE zone = ? AND section = ?
                ORDER BY month DESC
                """, [SQLValue(zone), .integer(section.rawValue)])
            let months = rows.map {
                MonthCount(month: PhotoMonth(number: $0.int(0)), count: $0.int(1))
            }
            return (zone, months)
        }
    }

    /// One range scan of `photoAssetByTime`.
    package static let picturesQuery = """
        SELECT \(PhotoRow.columns) FROM photoAsset
        WHERE zone = ? AND section = ? AND month = ? AND section IS NOT NULL
        ORDER BY instant DESC, id LIMIT ? OFFSET ?
        """

    /// Pictures of a month from `offset` on, newest first, at most
    /// `Limits.timelinePageCountMax`.
    package func pictures(
        of month: PhotoMonth, _ section: PhotoSection = .timeline, offset: Int, limit: Int,
        in zone: ZoneID?, for account: AccountID
    ) async throws(PhotosError) -> [Picture] {
        try await read { transaction in
            let zone = try find(zone, for: account, transaction)
            let count = min(max(limit, 0), Limits.timelinePageCountMax)
            return try transaction.rows(
                Self.picturesQuery,
                [
                    SQLValue(zone), .integer(section.rawValue), SQLValue(month.number),
                    SQLValue(count), SQLValue(max(offset, 0)),
                ]
            ).compactMap { Picture(PhotoRow($0)) }
        }
    }

    /// One picture with the fields of its records.
    ///
    /// Throws `assetNotFound`.
    package func picture(
        _ id: RecordID, in zone: ZoneID?, for account: AccountID
    ) async throws(PhotosError) -> (picture: Picture, fields: Fields, facts: Fields) {
        try await read { transaction in
            let zone = try find(zone, for: account, transaction)
            let picture = try find(id, in: zone, transaction).picture
            let asset = try kernel.record(
                RecordKey(type: .asset, id: id), in: zone, in: transaction)
            let facts = try kernel.record(
                RecordKey(type: .facts, id: id), in: zone, in: transaction)
            return (picture, asset?.fields ?? [:], facts?.fields ?? [:])
        }
    }

    /// A thumbnail or preview.
    ///
    /// Throws `analysing` while it is still to be made, `damagedFile` when there will be none.
    package func rendition(
        _ rendition: Rendition, of id: RecordID, in zone: ZoneID?, for account: AccountID
    ) async throws(PhotosError) -> Content {
        try await read { transaction in
            let zone = try kernel.zone(
                find(zone, for: account, transaction), for: account, in: transaction)
            let (row, picture) = try find(id, in: zone.id, transaction)
            let digest = rendition == .thumbnail ? row.thumbnail : row.preview
            guard let digest else {
                throw picture.problem == nil
                    ? PhotosError(.analysing, "The picture is still being made: ask again soon.")
                    : PhotosError(.damagedFile, "No picture can be read from \(picture.name).")
            }
            // The server made it for the zone's owner, who holds it.
            let location = try kernel.object(digest, for: zone.owner, in: transaction)
            return Content(location: location, mediaType: "image/webp", name: picture.name)
        }
    }

    /// The original's bytes, as they were imported or last edited.
    package func original(
        of id: RecordID, in zone: ZoneID?, for account: AccountID
    ) async throws(PhotosError) -> Content {
        try await read { transaction in
            let zone = try kernel.zone(
                find(zone, for: account, transaction), for: account, in: transaction)
            let picture = try find(id, in: zone.id, transaction).picture
            guard let digest = picture.original else {
                throw PhotosError(.assetNotFound, "The picture has no original.")
            }
            let location = try kernel.object(digest, for: zone.owner, in: transaction)
            return Content(
                location: location, mediaType: picture.mediaType, name: picture.name)
        }
    }

    /// How far reading and rendering are.
    package func progress(
        in zone: ZoneID?, for account: AccountID
    ) async throws(PhotosError) -> Progress {
        try await read { transaction in
            let zone = try find(zone, for: account, transaction)
            let zoneAndJobs: [SQLValue] = [
                SQLValue(zone), SQLValue(account), SQLValue(zone),
                SQLValue(Limits.jobAttemptsMax),
            ]
            return Progress(
                assets: try transaction.firstRow(
                    "SELECT COALESCE(SUM(assetCount), 0) FROM photoMonth WHERE zone = ?",
                    [SQLValue(zone)])?.int(0) ?? 0,
                waiting: try transaction.firstRow(
                    Self.countOpen(.read), zoneAndJobs)?.int(0) ?? 0,
                withoutPreview: try transaction.firstRow(
                    Self.countOpen(.preview), zoneAndJobs)?.int(0) ?? 0,
                damaged: try transaction.firstRow(
                    """
                    SELECT COUNT(*) FROM photoAsset
                    WHERE zone = ? AND problem IS NOT NULL
                    """, [SQLValue(zone)])?.int(0) ?? 0)
        }
    }

    /// What a stage still has to do, without what was given up for good.
    private static func countOpen(_ stage: RenderingJob.Stage) -> String {
        // Few are given up: asking each of those that are open would take a second of 100,000.
        """
        SELECT (SELECT COUNT(*) FROM photoAsset WHERE zone = ? AND \(stage.condition))
            - (SELECT COUNT(*) FROM job JOIN photoAsset
                ON photoAsset.zone = job.zone AND photoAsset.id = job.subject
                WHERE job.account = ? AND job.kind = '\(stage.jobKind)' AND job.zone = ?
                AND job.attempts >= ? AND job.lease IS NULL AND \(stage.condition))
        """
    }
}

// MARK: - Finding

extension PhotosService {
    private func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws(PhotosError) -> R {
        do {
            return try await database.read(body)
        } catch {
            throw PhotosError(wrapping: error)
        }
    }

    private func find(
        _ zone: ZoneID?, for account: AccountID, _ transaction: any Transaction
    ) throws -> ZoneID {
        if let zone { return try kernel.zone(zone, for: account, in: transaction).id }
        let zones = try kernel.zones(of: account, in: transaction)
        guard let own = zones.first(where: { $0.kind == ZoneKind.photos && $0.owner == account })
        else { throw PhotosError(.zoneNotFound, "The account has no photo library.") }
        return own.id
    }

    private func find(
        _ id: RecordID, in zone: ZoneID, _ transaction: any Transaction
    ) throws -> (row: PhotoRow, picture: Picture) {
        guard let row = try PhotosProjection.row(id, in: zone, transaction),
            let picture = Picture(row)
        else {
            throw PhotosError(.assetNotFound, "There is no such picture: look at the list again.")
        }
        return (row, picture)
    }
}

extension PhotosService.Picture {
    fileprivate init?(_ row: PhotoRow) {
        guard let asset = row.asset, let shown = row.shown else { return nil }
        let facts = row.validFacts
        self.init(
            id: row.id, name: asset.name, kind: row.kind, shown: shown,
            mediaType: asset.original?.mediaType ?? "application/octet-stream",
            byteCount: asset.original?.byteCount ?? 0, original: asset.original?.digest,
            width: facts?.width.flatMap(Int.init(exactly:)),
            height: facts?.height.flatMap(Int.init(exactly:)), duration: facts?.duration,
            isFavorite: asset.isFavorite, thumbhash: facts?.thumbhash, thumbnail: row.thumbnail,
            preview: row.preview, problem: row.problem)
    }
}
