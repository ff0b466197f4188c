/// The SQL that both databases share, as PostgreSQL wants it.
///
/// Statements differ in their question marks only. Of schemas, which are SQLite's, the names of the
/// types differ, what a table ends with, and the one reserved word that is a column's name.
enum PostgresDialect {
    /// `?` becomes `$1` and so on.
    ///
    /// Returns how many there are, too.
    static func statement(_ sql: String) -> (text: String, argumentCount: Int) {
        var count = 0
        let text = translate(sql) { token in
            guard token == "?" else { return nil }
            count += 1
            return "$\(count)"
        }
        return (text, count)
    }

    /// A migration of `Migration.sql`.
    static func schema(_ sql: String) -> String {
        translate(sql) { schemaWords[String($0)] }
            .replacing(") STRICT, WITHOUT ROWID", with: ")")
            .replacing(") STRICT", with: ")")
            .replacing(") WITHOUT ROWID", with: ")")
    }

    /// Text is compared byte by byte, as SQLite does, whatever the database's language is.
    private static let schemaWords = [
        "INTEGER": "BIGINT", "BLOB": "BYTEA", "REAL": "DOUBLE PRECISION",
        "TEXT": "TEXT COLLATE \"C\"", "only": "\"only\"",
    ]

    /// Replaces words and question marks outside of texts, quoted names and comments.
    private static func translate(
        _ sql: String, _ replacement: (Substring) -> String?
    ) -> String {
        var result = ""
        result.reserveCapacity(sql.utf8.count + 32)
        var rest = sql[...]
        while let first = rest.first {
            let token: Substring
            switch first {
            case "'", "\"":
                token = quoted(rest, by: first)
            case "-" where rest.hasPrefix("--"):
                token = rest.prefix { $0 != "\n" }
            case "?":
                token = rest.prefix(1)
            case _ where isWord(first):
                token = rest.prefix(while: isWord)
            default:
                token = rest.prefix(1)
            }
            result += (first == "?" || isWord(first) ? replacement(token) : nil) ?? String(token)
            rest = rest.dropFirst(token.count)
        }
        return result
    }

    private static func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    /// With both its quotes; a doubled one is the next piece's beginning, which comes to the same.
    private static func quoted(_ text: Substring, by quote: Character) -> Substring {
        guard let end = text.dropFirst().firstIndex(of: quote) else { return text }
        return text[...end]
    }
}
