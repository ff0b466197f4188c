import Foundation
import Glibc
import Records
import TestSupport
import Testing

// Faults of a server's database, found and mended beside it while it does not run.
extension PlantedFault {
    static let server: [PlantedFault] = [
        onServer("a page of the server's database full of garbage", "serverDatabaseDamaged") {
            world in
            let path = world.serverDatabase
            let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            guard let name = bytes.range(of: Data("\"DSCN0010.jpg\"".utf8)) else {
                throw HouseholdError(description: "no record in \(path)")
            }
            let page = name.lowerBound / 4_096 * 4_096
            try world.overwrite([UInt8](repeating: 0x5A, count: 4_096), at: page, of: path)
        },
        onServer("a changed character in a record", "storedRowsDamaged") { world in
            try sql(
                "UPDATE record SET fields = replace(fields, 'DSCN0012', 'DSCN0013')",
                on: world.serverDatabase)
        },
        onServer("a changed character in a password", "storedRowsDamaged") { world in
            try world.flipPassword()
        },
        onServer("references that are gone", "storedRowsDisagree") { world in
            try sql("DELETE FROM blobReference", on: world.serverDatabase)
        },
        onServer("space that is counted wrongly", "usageMiscounted") { world in
            try sql(
                "UPDATE pool SET usedByteCount = usedByteCount + 5000", on: world.serverDatabase)
        },
        onServer("pictures that are not shown", "shownWrongly", "--deep") { world in
            try sql("DELETE FROM photoAsset", on: world.serverDatabase)
        },
        PlantedFault(
            "a server's database of which nothing is left", "serverDatabaseDamaged",
            byHand: "restoreServer", isOfServer: true
        ) { world in
            try world.stopServer()
            let count = world.byteCount(world.serverDatabase)
            try world.overwrite(
                [UInt8](repeating: 0xA5, count: count), at: 0, of: world.serverDatabase)
            let refused = try world.serverDoctor(["--fix", "--yes"])
            guard refused.remedies.map(\.outcome) == ["refused"] else {
                throw HouseholdError(description: "not refused: \(refused.remedies)")
            }
        } endedBy: { world in
            try world.restoreServer()
        },
    ]

    /// Mended by `martlet doctor --server --fix`; then the server runs again.
    private static func onServer(
        _ name: String, _ finding: String, _ arguments: String...,
        plant: @escaping @Sendable (DoctorWorld) throws -> Void
    ) -> PlantedFault {
        PlantedFault(
            name, finding, mendedBy: "mendServer", arguments: arguments, isOfServer: true,
            plant: { world in
                try world.stopServer()
                try plant(world)
            },
            then: { world in
                try world.house.startServer()
                try world.sync()
            })
    }
}

extension DoctorWorld {
    var serverDatabase: String { house.data + "/database.sqlite" }
    private var backup: String { house.folder.file("backup") }

    func serverDoctor(_ arguments: [String]) throws -> ShownDoctor {
        try ShownDoctor(of: house.onServer(["doctor", "--server", "--json"] + arguments))
    }

    /// What looking may not change.
    func inventory(_ fault: PlantedFault) throws -> [String] {
        let library = try Files.inventory(of: library)
        guard fault.isOfServer else { return library }
        let bytes = try Data(contentsOf: URL(fileURLWithPath: serverDatabase))
        return library + [Digest(of: bytes).text]
    }

    /// Everything of its database is in one file then.
    func stopServer() throws {
        house.killServer()
        try sql("SELECT 1", on: serverDatabase)
    }

    /// One bit of one character, as a failing memory or disk changes it.
    func flipPassword() throws {
        let number = "unicode(substr(password, 9, 1))"
        try sql(
            """
            UPDATE credential SET password = substr(password, 1, 8)
                || char(\(number) + 1 - 2 * (\(number) & 1)) || substr(password, 10)
            """, on: serverDatabase)
    }

    func backUp() throws {
        for arguments in [
            ["backup", "--to", backup, "--same-disk"], ["prove", "--from", backup],
        ] {
            let result = try house.onServer(arguments)
            guard result.status == 0 else {
                throw HouseholdError(description: "\(arguments): \(result.output)\(result.errors)")
            }
        }
    }

    /// Into an empty folder; the damaged one stays as it is.
    func restoreServer() throws {
        let restored = house.folder.file("restored")
        let result = try Program.run(["restore", "--from", backup, "--data", restored])
        guard result.status == 0 else { throw HouseholdError(description: result.errors) }
        house.useServer(at: restored, database: nil, blobs: nil)
        try house.startServer()
        try sync()
        try backUp()
    }
}
