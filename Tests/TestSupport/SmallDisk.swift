import Foundation

/// A disk of a few megabytes, in memory, that a test fills and empties; making one takes root.
package final class SmallDisk: Sendable {
    package static var canBeMade: Bool { getuid() == 0 }

    /// Where it is mounted: a folder in this one, which others may enter.
    package let path: String
    private let folder: TemporaryFolder

    package init(megabytes: Int) throws {
        folder = try TemporaryFolder()
        path = folder.file("disk")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try run("mount -t tmpfs -o size=\(megabytes)m,mode=0755 martlet-test \"$1\"")
    }

    deinit { try? run("umount -l \"$1\"") }

    /// Takes all space but so much of it.
    package func fill(leaving kilobytes: Int) throws {
        try empty()
        try run(
            """
            free=$(df -k --output=avail "$1" | tail -n 1)
            fallocate -l $((free - \(kilobytes)))K "$1/ballast"
            """)
    }

    package func empty() throws { try run("rm -f \"$1/ballast\"") }

    package func setReadOnly(_ isReadOnly: Bool) throws {
        try run("mount -o remount,\(isReadOnly ? "ro" : "rw") \"$1\"")
    }

    package func give(to user: String) throws { try run("chown \(user) \"$1\"") }

    private func run(_ script: String) throws {
        let (output, status) = try PostgresServer.shell("exec 2>&1; set -e; \(script)", path)
        guard status == 0 else {
            throw PostgresServer.Failure(description: "\(script): \(output)")
        }
    }
}
