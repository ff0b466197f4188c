import Foundation
import GRDBSQLite
import TestSupport
import Testing

/// What `martlet doctor --json` says, as far as tests look at it.
struct ShownDoctor: Decodable {
    struct Examination: Decodable {
        let name: String
        let lookedAt: String
        let seconds: Double
        let findings: [Finding]
    }

    struct Finding: Decodable, CustomStringConvertible {
        let code: String
        let severity: String
        let message: String
        let items: [String]
        let advice: String?
        let remedy: String?

        var description: String { "\(code): \(message) \(items)" }
    }

    struct Remedy: Decodable, CustomStringConvertible {
        let code: String
        let outcome: String
        let message: String?

        var description: String { "\(code) \(outcome): \(message ?? "")" }
    }

    init(of result: Program.Result) throws {
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(result.output.utf8))
        } catch {
            throw HouseholdError(
                description: "doctor: \(result.status) \(result.output)\(result.errors)")
        }
    }

    let well: Bool
    let seconds: Double
    let examinations: [Examination]
    let remedies: [Remedy]

    var findings: [Finding] { examinations.flatMap(\.findings) }
    var complaints: [Finding] { findings.filter { $0.severity != "note" } }
}

extension Household {
    /// Runs the doctor; a complaint is exit code 3, none is 0.
    func doctor(
        _ device: String, _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ShownDoctor {
        let result = try martlet(device, ["doctor", "--json"] + arguments)
        let shown = try ShownDoctor(of: result)
        #expect(result.status == (shown.well ? 0 : 3), sourceLocation: sourceLocation)
        return shown
    }
}

/// Statements on a device's database, while nothing else uses it.
func sql(_ statements: String..., on path: String) throws {
    for statement in statements {
        var handle: OpaquePointer?
        guard sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK else {
            throw HouseholdError(description: "\(path) cannot be opened")
        }
        defer { sqlite3_close_v2(handle) }
        // A server may be writing.
        sqlite3_busy_timeout(handle, 10_000)
        // Tests may do what no program should.
        sqlite3_exec(handle, "PRAGMA writable_schema = ON", nil, nil, nil)
        guard sqlite3_exec(handle, statement, nil, nil, nil) == SQLITE_OK else {
            let text = String(cString: sqlite3_errmsg(handle))
            throw HouseholdError(description: "\(statement): \(text)")
        }
        sqlite3_exec(handle, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil)
    }
}
