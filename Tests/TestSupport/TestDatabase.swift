import Foundation
package import Storage
import Synchronization

/// The database that a test runs on: SQLite, or PostgreSQL with MARTLET_TEST_DATABASE=postgres.
package enum TestDatabase {
    package static let isPostgres =
        ProcessInfo.processInfo.environment["MARTLET_TEST_DATABASE"] == "postgres"

    /// Opens the database that stands for a file, or makes it; the same path is the same one.
    package static func open(
        _ path: String, migrations: [Migration]
    ) throws -> any Database {
        guard isPostgres else { return try SQLiteDatabase(path: path, migrations: migrations) }
        return try openPostgres(path, migrations: migrations)
    }

    /// One that nobody else knows.
    package static func inMemory(migrations: [Migration]) throws -> any Database {
        guard isPostgres else { return try SQLiteDatabase.inMemory(migrations: migrations) }
        return try openPostgres("/memory/\(UUID().uuidString)", migrations: migrations)
    }

    /// A database of the shared server, whatever the environment says.
    package static func openPostgres(
        _ path: String, migrations: [Migration]
    ) throws -> PostgresDatabase {
        try PostgresDatabase(
            PostgresAddress(parsing: try postgresAddress(path)), migrations: migrations)
    }

    /// Takes one step more than the programs that use the database, as a newer one's start does.
    package static func takeStep(_ step: Migration, at address: String) throws {
        let name = address.split(separator: "/").last.map(String.init) ?? ""
        let names = try PostgresServer.shared().run(
            "SELECT name FROM migration ORDER BY position", in: name)
        _ = try PostgresDatabase(
            PostgresAddress(parsing: address),
            migrations: names.map { Migration(name: $0, sql: "") } + [step])
    }

    /// Makes the database that stands for a file; its address.
    package static func postgresAddress(_ path: String) throws -> String {
        let server = try PostgresServer.shared()
        let name = try databases.withLock { known in
            if let name = known[path] { return name }
            try forget(&known, server)
            let name = "test\(number.withLock { $0 += 1; return $0 })"
            try server.run("CREATE DATABASE \(name)")
            known[path] = name
            return name
        }
        return server.address(name)
    }

    private static let databases = Mutex<[String: String]>([:])
    private static let number = Mutex(0)

    /// Drops those whose folders are gone and that nobody has open: each takes 8 MB.
    private static func forget(
        _ known: inout [String: String], _ server: PostgresServer
    ) throws {
        let open = Set(try server.run("SELECT DISTINCT datname FROM pg_stat_activity"))
        for (path, name) in known
        where !open.contains(name)
            && !FileManager.default.fileExists(atPath: (path as NSString).deletingLastPathComponent)
        {
            try server.run("DROP DATABASE \(name)")
            known[path] = nil
        }
    }
}
