import CPostgres
import Foundation
import Storage
import Synchronization

/// A PostgreSQL server of the tests' own: a fresh cluster in a temporary folder, on loopback, gone
/// with the process that started it.
package final class PostgresServer: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package static let user = "martlet"
    package static let password = "p%c3%a4ss"  // as in an address: päss

    /// One for all tests that don't harm it; started by the first.
    package static func shared() throws -> PostgresServer { try common.get() }
    private static let common = Result { try PostgresServer(isCommon: true) }

    package let port: Int
    private let folder: TemporaryFolder
    /// Nothing is left of it when its process ends; nobody starts it again.
    private let isCommon: Bool
    private let running = Mutex<Process?>(nil)
    private let data: String
    private let disk: SmallDisk?

    /// `disk`: one that its data is to lie on.
    package init(isCommon: Bool = false, on disk: SmallDisk? = nil) throws {
        self.isCommon = isCommon
        self.disk = disk
        folder = try TemporaryFolder()
        data = (disk?.path ?? folder.path) + "/data"
        port = try Self.freePort()
        try Data("päss\n".utf8).write(to: URL(fileURLWithPath: folder.file("password")))
        // PostgreSQL refuses to run as root, and wants its folder for itself.
        let (output, status) = try Self.shell(
            """
            [ "$(id -u)" != 0 ] || chown -R postgres "$1" "$(dirname "$3")"
            \(Self.asUser)
            cd "$1" && as_user "$2/initdb" --pgdata="$3" --username=\(Self.user) \
                --pwfile="$1/password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
                --locale-provider=icu --icu-locale=en-US --no-sync 2>&1
            """, folder.path, try Self.programs(), data)
        guard status == 0 else { throw Failure(description: "initdb failed: \(output)") }
        try start()
    }

    deinit { try? stop() }

    /// For `--database` and `PostgresAddress`.
    package func address(
        _ database: String, password: String = PostgresServer.password
    ) -> String {
        "postgres://\(Self.user):\(password)@127.0.0.1:\(port)/\(database)"
    }

    // MARK: - Running

    /// Returns when it answers.
    package func start() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // It reads from a pipe that only this process writes to: when this one ends, however it
        // does, the server is stopped.
        process.arguments = [
            "-c",
            """
            \(Self.asUser)
            cd "$1"
            as_user "$2/postgres" -D "$4" -p \(port) -c listen_addresses=127.0.0.1 \
                -c unix_socket_directories= -c fsync=off -c max_connections=200 \
                -c autovacuum=off >>"$1/log" 2>&1 &
            server=$!
            cat >/dev/null
            kill -INT $server 2>/dev/null
            wait $server
            [ -z "$3" ] || rm -rf "$1"
            """, "sh", folder.path, try Self.programs(),
            isCommon ? "remove" : "", data,
        ]
        process.standardInput = Pipe()
        try process.run()
        running.withLock { $0 = process }
        for _ in 0..<600 {
            if answers { return }
            usleep(50_000)
        }
        throw Failure(description: "PostgreSQL does not start: \(log.suffix(2_000))")
    }

    /// In good order.
    package func stop() throws { end() }

    /// As a crash of the machine's process would: nothing is finished, nobody is told.
    package func kill() throws {
        let text = try String(contentsOfFile: data + "/postmaster.pid", encoding: .utf8)
        guard let line = text.split(separator: "\n").first, let number = Int32(line) else {
            throw Failure(description: "PostgreSQL has no process: \(text)")
        }
        Foundation.kill(number, SIGKILL)
        end()
        // Its children end by themselves; until then it cannot start again.
        for _ in 0..<200 {
            let (output, _) = try Self.shell(
                "for p in /proc/[0-9]*; do [ \"$(readlink $p/cwd)\" = \"$1\" ] && echo $p; "
                    + "done; true", data)
            if output.isEmpty { break }
            usleep(50_000)
        }
        try? FileManager.default.removeItem(atPath: data + "/postmaster.pid")
    }

    /// Whether it answers, which it does not when it has ended by itself.
    package var answers: Bool { PQping("host=127.0.0.1 port=\(port)") == PQPING_OK }

    /// What it says of itself.
    package var log: String {
        (try? String(contentsOfFile: folder.file("log"), encoding: .utf8)) ?? ""
    }

    private func end() {
        guard
            let process = running.withLock({ process in
                defer { process = nil }
                return process
            })
        else { return }
        try? (process.standardInput as? Pipe)?.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    // MARK: - Databases

    /// Runs statements as the cluster's owner; the first value of the last result's rows.
    @discardableResult
    package func run(_ sql: String, in database: String = "postgres") throws -> [String] {
        let connection = PQconnectdb(address(database))
        defer { PQfinish(connection) }
        let result = PQexec(connection, sql)
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else {
            let words = PQerrorMessage(connection).map { String(cString: $0) } ?? ""
            throw Failure(description: "\(sql): \(words)")
        }
        return (0..<PQntuples(result)).map { row in
            PQgetvalue(result, row, 0).map { String(cString: $0) } ?? ""
        }
    }

    // MARK: - The system

    static let asUser = """
        as_user() {
            if [ "$(id -u)" = 0 ]; then
                exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
            else
                exec "$@"
            fi
        }
        """

    /// Where Debian keeps the newest version's programs, which are not on the path.
    private static func programs() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [])
            .compactMap(Int.init).sorted()
        guard let version = versions.last else {
            throw Failure(description: "Install PostgreSQL for the tests: script/bootstrap test")
        }
        return "\(root)/\(version)/bin"
    }

    static func shell(
        _ script: String, _ arguments: String...
    ) throws -> (output: String, status: Int32) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script, "sh"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (String(decoding: bytes, as: UTF8.self), process.terminationStatus)
    }

    static func freePort() throws -> Int {
        let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(socket, generic, length) == 0 ? getsockname(socket, generic, &length) : -1
            }
        }
        guard status == 0 else { throw Failure(description: "No port is free.") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
