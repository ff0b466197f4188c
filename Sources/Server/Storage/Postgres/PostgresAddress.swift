import CPostgres

/// Where a PostgreSQL database is, as libpq's URI says it: what that leaves out comes from PGHOST,
/// PGUSER, PGPASSWORD, ~/.pgpass and so on.
///
/// Its description has no password: only the connection itself ever sees that.
package struct PostgresAddress: Sendable, CustomStringConvertible {
    let uri: String
    package let description: String

    /// Takes `postgres://` and `postgresql://`.
    ///
    /// Throws `cannotOpen` for what libpq cannot read, without repeating it.
    package init(parsing text: String) throws(StorageError) {
        guard Self.isAddress(text) else { throw Self.malformed }
        var complaint: UnsafeMutablePointer<CChar>?
        let options = PQconninfoParse(text, &complaint)
        // It may repeat the password.
        PQfreemem(complaint)
        guard let options else { throw Self.malformed }
        defer { PQconninfoFree(options) }
        var parts: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                parts[String(cString: keyword)] = String(cString: value)
            }
            option += 1
        }
        uri = text
        let user = parts["user"].map { "\($0)@" } ?? ""
        let port = parts["port"].map { ":\($0)" } ?? ""
        description = "postgres://\(user)\(parts["host"] ?? "")\(port)/\(parts["dbname"] ?? "")"
    }

    package static func isAddress(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    private static let malformed = StorageError(
        .cannotOpen,
        """
        The address of the database cannot be read: write it as \
        postgres://USER:PASSWORD@HOST:PORT/NAME, other characters than letters and digits in a \
        password as %XX.
        """)
}
