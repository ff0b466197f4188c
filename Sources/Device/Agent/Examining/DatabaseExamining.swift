import GRDBSQLite
import Library
import Records
package import SyncEngine

// What the doctor reads of the device's database: all of it by a few queries, nothing is written.

/// What the database says of itself.
package struct DatabaseLook: Hashable, Sendable {
    /// Damage of rows and pages, in SQLite's words; empty when it is sound.
    package var damage: [String] = []
    /// Of indexes alone: their rows are whole.
    package var wrongIndexes: [String] = []
    package var missingIndexes: [String] = []
    /// Rows whose derived columns don't follow from the others.
    package var disagreeingRows = 0
    package var tables = 0
}

extension DatabaseRows {
    /// Reads every page; `deep` is not needed: 100,000 items take a second or so.
    package func look() throws(RowsError) -> DatabaseLook {
        var look = DatabaseLook()
        let findings = try connection.rows("PRAGMA integrity_check(20)") { $0.text(0) }
        for finding in findings where finding != "ok" {
            if Self.concernsIndex(finding) {
                look.wrongIndexes.append(finding)
            } else {
                look.damage.append(finding)
            }
        }
        look.damage += try connection.rows("PRAGMA foreign_key_check") {
            "a row of \($0.text(0)) refers to nothing"
        }
        let here = try schema()
        let expected = try DatabaseRows(path: ":memory:").schema()
        look.tables = here.filter { $0.kind == "table" }.count
        for entry in expected where !here.contains(where: { $0.name == entry.name }) {
            if entry.kind == "table" {
                look.damage.append("the table \(entry.name) is missing")
            } else {
                look.missingIndexes.append(entry.name)
            }
        }
        guard look.damage.isEmpty else { return look }
        look.disagreeingRows = try disagreeingRowCount()
        return look
    }

    private static func concernsIndex(_ finding: String) -> Bool {
        finding.contains("missing from index") || finding.contains("entries in index")
            || finding.contains("non-unique entry in index")
    }

    private struct SchemaEntry {
        let kind: String
        let name: String
        let sql: String
    }

    /// Tables and those indexes that were asked for.
    private func schema() throws(RowsError) -> [SchemaEntry] {
        try connection.rows(
            """
            SELECT type, name, sql FROM sqlite_master
            WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type DESC, name
            """
        ) { SchemaEntry(kind: $0.text(0), name: $0.text(1), sql: $0.text(2)) }
    }

    // MARK: What follows from other rows

    private static let isOpen = """
        (state = 0 OR (state IN (1, 2) AND digest IS NOT NULL AND (
            (agreedDigest IS NOT NULL AND agreedDigest <> digest)
            OR NOT EXISTS (SELECT 1 FROM assetDigest WHERE digest = localFile.digest))))
        """
    private static let openPath =
        "CAST(CASE WHEN folder = x'' THEN name ELSE folder || x'2F' || name END AS BLOB)"
    private static let isLive = "(type = 'asset' AND fields IS NOT NULL AND trashedAt IS NULL)"
    private static let lacks = """
        SELECT count(part.digest) > 0 AS inLibrary,
            coalesce(max(NOT EXISTS (
                SELECT 1 FROM localFile WHERE digest = part.digest)), 0) AS here,
            coalesce(sum(part.byteCount), 0) AS byteCount
        FROM assetDigest AS part
        WHERE part.asset = remote.id AND part.isPart = 1 AND NOT EXISTS (
            SELECT 1 FROM localFile WHERE digest = part.digest AND root = 0)
        """

    private func disagreeingRowCount() throws(RowsError) -> Int {
        let files = try connection.row(
            "SELECT count(*) FROM localFile WHERE (openPath IS NOT NULL) <> \(Self.isOpen)"
        ) { Int($0.integer(0)) }
        let assets = try connection.row(
            """
            SELECT count(*) FROM remote WHERE \(Self.isLive)
                AND (lacksInLibrary, lacksHere, byteCountLacking) IS NOT (\(Self.lacks))
            """
        ) { Int($0.integer(0)) }
        let others = try connection.row(
            """
            SELECT count(*) FROM remote WHERE lacksHere IS NOT NULL AND NOT \(Self.isLive)
            """
        ) { Int($0.integer(0)) }
        return (files ?? 0) + (assets ?? 0) + (others ?? 0)
    }

    /// Makes indexes and derived columns anew, within a transaction; rows stay as they are.
    package func rebuildDerived() throws(RowsError) {
        let here = Set(try schema().map(\.name))
        for entry in try DatabaseRows(path: ":memory:").schema()
        where entry.kind == "index" && !here.contains(entry.name) {
            try connection.run(entry.sql)
        }
        try connection.run("REINDEX")
        try connection.run(
            """
            UPDATE localFile SET openPath = CASE WHEN \(Self.isOpen) THEN \(Self.openPath) END
            WHERE (openPath IS NOT NULL) <> \(Self.isOpen);
            UPDATE remote SET lacksInLibrary = NULL, lacksHere = NULL, byteCountLacking = NULL
            WHERE lacksHere IS NOT NULL AND NOT \(Self.isLive);
            UPDATE remote SET (lacksInLibrary, lacksHere, byteCountLacking) = (\(Self.lacks))
            WHERE \(Self.isLive)
            """)
    }
}
