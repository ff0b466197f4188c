import Kernel
import Media
import Photos
import Records
import Storage
import TestSupport
import Testing

/// The cost of looking must not grow with the library: every question is answered from an index.
@Suite struct IndexTests {
    private func plan(_ sql: String, _ arguments: [SQLValue]) async throws -> String {
        let database = try SQLiteDatabase.inMemory(
            migrations: Kernel.migrations + PhotosSchema.migrations)
        return try await database.read { transaction in
            try transaction.rows("EXPLAIN QUERY PLAN " + sql, arguments)
                .map { $0.text(3) }.joined(separator: "\n")
        }
    }

    @Test func `a page of the timeline is one range scan, in order`() async throws {
        let plan = try await plan(
            PhotosService.picturesQuery,
            [.blob([]), .integer(0), .integer(0), .integer(9), .integer(0)])
        #expect(
            plan
                == "SEARCH photoAsset USING INDEX photoAssetByTime (zone=? AND section=? AND month=?)"
        )
    }

    @Test(arguments: [
        (PhotosSchema.toRead, "photoAssetToRead"),
        (PhotosSchema.toPreview, "photoAssetToPreview"),
    ])
    func `what is to be done is found in the partial index of this version's readers`(
        condition: String, index: String
    ) async throws {
        let found = try await plan(
            """
            SELECT id FROM photoAsset WHERE zone = ? AND \(condition)
            ORDER BY instant DESC, id LIMIT 9
            """, [.blob([])])
        #expect(found.contains("USING INDEX \(index) (zone=?)"))
        #expect(!found.contains("TEMP B-TREE"))
        let zones = try await plan(
            "SELECT zone FROM photoAsset WHERE zone > ? AND \(condition) ORDER BY zone LIMIT 1",
            [.blob([])])
        #expect(zones.contains("\(index) (zone>?)"))
    }

    @Test(arguments: [
        (PhotosSchema.toRead, "photoassettoread"),
        (PhotosSchema.toPreview, "photoassettopreview"),
    ])
    func `PostgreSQL finds the same in the same indexes`(
        condition: String, index: String
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try TestDatabase.openPostgres(
            folder.file("db"), migrations: Kernel.migrations + PhotosSchema.migrations)
        let plans = try await database.write { transaction in
            // An empty table is read whole, and sorting nothing costs nothing.
            for way in ["seqscan", "sort", "bitmapscan"] {
                _ = try transaction.rows("SELECT set_config('enable_\(way)', 'off', true)")
            }
            let statements: [(String, [SQLValue])] = [
                (
                    """
                    SELECT id FROM photoAsset WHERE zone = ? AND \(condition)
                    ORDER BY instant DESC, id LIMIT 9
                    """, [.blob([])]
                ),
                (
                    PhotosService.picturesQuery,
                    [.blob([]), .integer(0), .integer(0), .integer(9), .integer(0)]
                ),
            ]
            return try statements.map { sql, arguments in
                try transaction.rows("EXPLAIN " + sql, arguments).map { $0.text(0) }
                    .joined(separator: "\n")
            }
        }
        #expect(plans[0].contains("using \(index) "), "\(plans[0])")
        #expect(plans[1].contains("using photoassetbytime "), "\(plans[1])")
        #expect(!plans.joined().contains("Sort"), "\(plans)")
    }

    @Test func `the numbers in the indexes are the readers' of this version`() {
        #expect(PhotosSchema.toRead.contains("readBy < \(Facts.fullReader) "))
        #expect(PhotosSchema.toRead.contains("thumbnailBy < \(PhotosSchema.renderer))"))
        #expect(PhotosSchema.toPreview.contains("previewBy < \(PhotosSchema.renderer) "))
    }
}
