import CPostgres
import Foundation

/// PgBouncer in front of a test's PostgreSQL server, on loopback, gone with the process that started
/// it; it asks for no password and passes the server's own on.
package final class PgBouncer: Sendable {
    /// How long a connection keeps a session of the server's.
    package enum Mode: String, CaseIterable, Sendable {
        case session, transaction, statement
    }

    package let port: Int
    private let folder: TemporaryFolder
    private let process: Process

    /// `inTurn`: gives out the session that has rested longest, not the one used last.
    ///
    /// Returns when it answers.
    package init(of server: PostgresServer, mode: Mode, inTurn: Bool = false) throws {
        folder = try TemporaryFolder()
        port = try PostgresServer.freePort()
        let password = PostgresServer.password.removingPercentEncoding ?? ""
        let configuration = """
            [databases]
            * = host=127.0.0.1 port=\(server.port) user=\(PostgresServer.user) password=\(password)

            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = any
            pool_mode = \(mode.rawValue)
            server_round_robin = \(inTurn ? 1 : 0)
            query_wait_timeout = 10
            """
        try Data((configuration + "\n").utf8)
            .write(to: URL(fileURLWithPath: folder.file("pgbouncer.ini")))
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // It refuses to run as root; and ends with this process, as `PostgresServer` does.
        process.arguments = [
            "-c",
            """
            \(PostgresServer.asUser)
            [ "$(id -u)" != 0 ] || chown -R postgres "$1"
            as_user /usr/sbin/pgbouncer "$1/pgbouncer.ini" >>"$1/log" 2>&1 &
            pooler=$!
            cat >/dev/null
            kill -KILL $pooler 2>/dev/null
            wait $pooler
            """, "sh", folder.path,
        ]
        process.standardInput = Pipe()
        try process.run()
        for _ in 0..<200 {
            if PQping("host=127.0.0.1 port=\(port)") == PQPING_OK { return }
            usleep(50_000)
        }
        let log = (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? ""
        throw PostgresServer.Failure(
            description: "PgBouncer does not start (script/bootstrap test): \(log.suffix(1_000))")
    }

    deinit {
        try? (process.standardInput as? Pipe)?.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// For `--database` and `PostgresAddress`.
    package func address(_ database: String) -> String {
        "postgres://\(PostgresServer.user)@127.0.0.1:\(port)/\(database)"
    }

    /// Leaves it with so many idle sessions at the server.
    package func openSessions(_ count: Int, of database: String) {
        let connections = (0..<count).map { _ in PQconnectdb(address(database)) }
        for connection in connections { PQsendQuery(connection, "SELECT pg_sleep(0.3)") }
        for connection in connections {
            while let result = PQgetResult(connection) { PQclear(result) }
            PQfinish(connection)
        }
    }
}
