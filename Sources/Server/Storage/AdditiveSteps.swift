// A step that only adds: an older program goes on with a database that has taken it.
extension Migration {
    /// What the name of such a step ends with, and so the row that says it was taken: older programs
    /// know a step only by that row.
    package static let additiveMark = " (additive)"

    static func isAdditive(_ name: String) -> Bool { name.hasSuffix(additiveMark) }

    /// Why older programs could not go on beside these statements; `nil` when they can.
    ///
    /// They write what they know of each row and nothing else, and remove rows: so tables, indexes and
    /// columns may come, but no rule that they could break.
    package static func obstacle(in sql: String) -> String? {
        statements(of: sql).lazy.compactMap(obstacle(inOne:)).first
    }

    private static func obstacle(inOne words: [String]) -> String? {
        let text = words.joined(separator: " ")
        func has(_ phrase: String) -> Bool { " \(text) ".contains(" \(phrase) ") }
        let isFollowed = ["ON DELETE CASCADE", "ON DELETE SET NULL"]
            .reduce(0) { $0 + text.ranges(of: $1).count }
        if words.count(where: { $0 == "REFERENCES" }) > isFollowed {
            return "a row that others refer to cannot be removed: \(text)"
        }
        if text.hasPrefix("CREATE TABLE ") || text.hasPrefix("CREATE INDEX ") { return nil }
        guard text.hasPrefix("ALTER TABLE "), has("ADD COLUMN") else {
            return "it changes what is there: \(text)"
        }
        if has("NOT NULL"), !has("DEFAULT") { return "a row needs the new column: \(text)" }
        if has("UNIQUE") || has("CHECK") { return "a rule for rows that are there: \(text)" }
        return nil
    }

    /// Each statement's words in capitals, without comments.
    private static func statements(of sql: String) -> [[String]] {
        sql.split(separator: "\n")
            .map { line in line.firstRange(of: "--").map { line[..<$0.lowerBound] } ?? line }
            .joined(separator: " ")
            .replacing("(", with: " ( ").replacing(")", with: " ) ").uppercased()
            .split(separator: ";")
            .map { $0.split(whereSeparator: \.isWhitespace).map(String.init) }
            .filter { !$0.isEmpty }
    }
}
