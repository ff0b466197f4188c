import Records
import Storage
import TestSupport
import Testing

/// Statements that nobody waits for, in every kind of database.
@Suite struct PipelineConformanceTests {
    private static let insertion = "INSERT INTO thing (name, id) VALUES (?, ?)"

    @Test(arguments: DatabaseKind.allCases)
    func `statements have their effects in their order, and each read has its own rows`(
        kind: DatabaseKind
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        // One past what may be under way, and then some.
        let count = Limits.pipelinedStatementsMax + 1
        let found = try await database.write { transaction in
            var found: [Int] = []
            for number in 0..<count {
                try transaction.executePipelined(
                    Self.insertion, [.text("\(number)"), SQLValue(number)])
            }
            for number in 0..<200 {
                let name = SQLValue.text("\(number)")
                try transaction.executePipelined(
                    "UPDATE thing SET id = id + 10000 WHERE name = ?", [name])
                if number % 3 == 0 {
                    try transaction.executePipelined(
                        "UPDATE thing SET id = id * 2 WHERE name = ?", [name])
                }
                let row = try transaction.firstRow("SELECT id FROM thing WHERE name = ?", [name])
                found.append(row?.int(0) ?? -1)
                let changed = try transaction.execute("DELETE FROM thing WHERE name = ?", [name])
                #expect(changed == 1)
            }
            return found
        }
        #expect(found == (0..<200).map { ($0 + 10_000) * ($0 % 3 == 0 ? 2 : 1) })
        #expect(try await names(in: database).count == count - 200)
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a cursor goes over what was sent before it`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let found = try await database.write { transaction in
            var found: [String] = []
            for round in 0..<3 {
                try transaction.executePipelined(
                    "INSERT INTO thing (name) VALUES (?)", [.text("\(round)")])
                try transaction.forEachRow("SELECT name FROM thing ORDER BY name", []) { row in
                    found.append(row.text(0))
                    try transaction.executePipelined(
                        "INSERT INTO part SELECT id FROM thing WHERE name = ?", [.text("nobody")])
                    return row.text(0) != "1"
                }
            }
            return found
        }
        #expect(found == ["0", "0", "1", "0", "1"])
        #expect(try await names(in: database) == ["0", "1", "2"])
    }

    /// What may stand between a statement that fails and the end of its transaction.
    enum Behind: CaseIterable, Sendable {
        case nothing, more, read, count, cursor, cursorLeft, savepoint, ownError, otherKind
    }

    @Test(arguments: DatabaseKind.allCases, Behind.allCases)
    func `a failure is said at the latest at the end, as what it is, and nothing stays`(
        kind: DatabaseKind, behind: Behind
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { try insert("taken", in: $0) }
        let error = await #expect(throws: StorageError.self) {
            try await database.write { transaction in
                try transaction.executePipelined(Self.insertion, ["anna", 1])
                if behind != .cursorLeft {
                    try transaction.executePipelined(Self.insertion, ["taken", 2])
                }
                switch behind {
                case .nothing: break
                case .more: try transaction.executePipelined(Self.insertion, ["bert", 3])
                case .read: _ = try transaction.rows("SELECT name FROM thing")
                case .count: try transaction.execute("DELETE FROM part")
                case .cursor: try transaction.forEachRow("SELECT 1", []) { _ in true }
                case .cursorLeft:
                    try transaction.forEachRow("SELECT 1", []) { _ in
                        try transaction.executePipelined(Self.insertion, ["taken", 4])
                        return false
                    }
                case .savepoint: try transaction.savepoint {}
                case .ownError: throw Refused()
                // Would be another failure, had it been run.
                case .otherKind: try transaction.execute("SELECT nonsense")
                }
            }
        }
        #expect(error?.code == .constraint)
        #expect(try await names(in: database) == ["taken"])
        // The connection is as good as before, for the same statements too.
        try await database.write { try $0.executePipelined(Self.insertion, ["carl", 2]) }
        #expect(try await names(in: database) == ["carl", "taken"])
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a later statement's failure is its own`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { transaction in
            try transaction.executePipelined(Self.insertion, ["anna", 1])
            let outcome = Result<Void, any Error> {
                try transaction.savepoint {
                    try transaction.executePipelined(Self.insertion, ["bert", 2])
                    try insert("anna", in: transaction)
                }
            }
            let error = #expect(throws: StorageError.self) { try outcome.get() }
            #expect(error?.code == .constraint)
            try transaction.executePipelined(Self.insertion, ["carl", 2])
        }
        #expect(try await names(in: database) == ["anna", "carl"])
    }

    /// How a savepoint ends in which a statement failed that nobody waited for.
    enum Ending: CaseIterable, Sendable { case good, refused, read, inner, innerRefused }

    @Test(arguments: DatabaseKind.allCases, Ending.allCases)
    func `a failure is its savepoint's, which is undone; what went before stays`(
        kind: DatabaseKind, ending: Ending
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { transaction in
            try transaction.executePipelined(Self.insertion, ["anna", 1])
            let outcome = Result<Void, any Error> {
                try transaction.savepoint {
                    try transaction.executePipelined(Self.insertion, ["bert", 2])
                    try transaction.executePipelined("INSERT INTO part (thing) VALUES (?)", [77])
                    switch ending {
                    case .good: break
                    case .refused: throw Refused()
                    case .read: _ = try transaction.rows("SELECT name FROM thing")
                    case .inner: try transaction.savepoint {}
                    case .innerRefused: try transaction.savepoint { throw Refused() }
                    }
                }
            }
            let error = #expect(throws: StorageError.self) { try outcome.get() }
            #expect(error?.code == .constraint)
            try transaction.savepoint {
                try transaction.executePipelined(Self.insertion, ["carl", 2])
            }
            try transaction.executePipelined(Self.insertion, ["dora", 3])
        }
        #expect(try await names(in: database) == ["anna", "carl", "dora"])
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a failure before a savepoint is not the savepoint's`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let error = await #expect(throws: StorageError.self) {
            try await database.write { transaction in
                try transaction.executePipelined("INSERT INTO part (thing) VALUES (?)", [77])
                _ = try? transaction.savepoint { Issue.record("The savepoint has begun.") }
            }
        }
        #expect(error?.code == .constraint || error?.code == .failed)
        #expect(try await names(in: database).isEmpty)
    }

    @Test(arguments: DatabaseKind.allCases)
    func `of writes that arrive together a failure is that of its own write`(
        kind: DatabaseKind
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let count = Limits.writesPerTransactionMax * 3
        let failed = await withTaskGroup(of: Int?.self) { group in
            for number in 0..<count {
                group.addTask {
                    do {
                        try await database.write { transaction in
                            try transaction.executePipelined(
                                Self.insertion, [.text("\(number)"), SQLValue(number)])
                            guard number % 3 == 0 else { return }
                            try transaction.executePipelined(
                                "INSERT INTO part (thing) VALUES (?)", [.integer(-1)])
                        }
                        return nil
                    } catch {
                        return (error as? StorageError)?.code == .constraint ? number : -1
                    }
                }
            }
            return await group.reduce(into: Set<Int>()) { if let number = $1 { $0.insert(number) } }
        }
        #expect(failed == Set((0..<count).filter { $0 % 3 == 0 }))
        #expect(try await names(in: database).count == count - failed.count)
    }

    @Test(arguments: DatabaseKind.allCases)
    func `a read may not write so either`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let error = await #expect(throws: StorageError.self) {
            try await database.read { try $0.executePipelined(Self.insertion, ["anna", 1]) }
        }
        #expect(error?.code == .readOnly)
        #expect(try await names(in: database).isEmpty)
    }

    @Test(arguments: DatabaseKind.allCases)
    func `nothing is a transaction too`(kind: DatabaseKind) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        try await database.write { _ in }
        try await database.read { _ in }
        await #expect(throws: Refused.self) { try await database.write { _ in throw Refused() } }
        await #expect(throws: Refused.self) { try await database.read { _ in throw Refused() } }
        #expect(try await names(in: database).isEmpty)
    }

    /// More than any buffer between the two holds, both ways.
    @Test(.timeLimit(.minutes(5)), arguments: DatabaseKind.allCases)
    func `much under way in both directions does not stand still`(
        kind: DatabaseKind
    ) async throws {
        let folder = try TemporaryFolder()
        let database = try kind.open(folder)
        let (large, small) = (64 << 10, 700)
        let content = SQLValue.blob(Array(repeating: 7, count: large))
        let sum = try await database.write { transaction in
            for number in 0..<small {
                try transaction.executePipelined(
                    "INSERT INTO thing (name, content) VALUES (?, ?) RETURNING content",
                    [.text("\(number)"), content])
            }
            // Little to send, and much that comes back.
            for number in 0..<small {
                try transaction.executePipelined(
                    "UPDATE thing SET weight = 1 WHERE name = ? RETURNING content",
                    [.text("\(number)")])
            }
            // One statement that is larger than all that may be under way.
            try transaction.executePipelined(
                "INSERT INTO thing (name, content) VALUES ('large', ?) RETURNING content",
                [.blob(Array(repeating: 8, count: 8 * Limits.pipelinedByteCountMax))])
            return try transaction.firstRow("SELECT SUM(LENGTH(content)) FROM thing")?.int(0)
        }
        #expect(sum == large * small + 8 * Limits.pipelinedByteCountMax)
    }
}
