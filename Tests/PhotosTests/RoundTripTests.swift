import Foundation
import Kernel
import Library
import Photos
import Records
import Storage
import TestSupport
import Testing

/// How often one commit asks the database, and how often it waits for the answer, which is a way there
/// and back with PostgreSQL.
@Suite struct RoundTripTests {
    /// Counts what goes through it.
    private final class Counting: Transaction {
        private let inner: any Transaction
        private(set) var reads = 0
        private(set) var writes = 0
        private(set) var pipelined = 0
        private(set) var controls = 0

        init(_ inner: any Transaction) { self.inner = inner }

        func execute(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> Int {
            let isControl = ["SAVEPOINT ", "RELEASE ", "ROLLBACK TO "].contains {
                sql.hasPrefix($0)
            }
            if isControl { controls += 1 } else { writes += 1 }
            return try inner.execute(sql, arguments)
        }

        func executePipelined(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) {
            pipelined += 1
            try inner.executePipelined(sql, arguments)
        }

        func rows(_ sql: String, _ arguments: [SQLValue]) throws(StorageError) -> [SQLRow] {
            reads += 1
            return try inner.rows(sql, arguments)
        }

        func forEachRow(
            _ sql: String, _ arguments: [SQLValue], _ body: (SQLRow) throws -> Bool
        ) throws {
            reads += 3
            try inner.forEachRow(sql, arguments, body)
        }

        func savepoint<R>(_ body: () throws -> R) throws -> R {
            controls += 2
            return try inner.savepoint(body)
        }
    }

    private struct Counts: Hashable, Sendable {
        let reads: Int
        let writes: Int
        let pipelined: Int
        let controls: Int

        /// Ways there and back.
        var waits: Int { reads + writes + controls }
        var statements: Int { waits + pipelined }
    }

    /// New pictures with their facts, each a group, as a device's first sync sends them.
    private func commit(_ count: Int) async throws -> Counts {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("anna")
        var groups: [ChangeGroup] = []
        for number in 0..<UInt64(count) {
            let blob = try await world.store(
                Array(repeating: UInt8(number % 251), count: 100 + Int(number)), for: account)
            let id = AssetIdentity.id(of: blob.digest, idKey: zone.idKey)
            var asset = RecordChange(key: RecordKey(type: .asset, id: id))
            asset.set = [
                "name": .string("\(number).jpg"), "importedAt": .integer(world.now.milliseconds),
            ]
            asset.setBlobs = [BlobRole.original.rawValue: blob]
            var facts = RecordChange(key: RecordKey(type: .facts, id: id))
            facts.set = PhotoWorld.facts(of: blob.digest, by: 1, takenAt: nil)
            groups.append(
                ChangeGroup(id: GroupID(high: 9, low: number), changes: [asset, facts]))
        }
        let (kernel, now, sent) = (world.kernel, world.now, groups)
        return try await world.database.write { transaction in
            let counting = Counting(transaction)
            let receipt = try kernel.apply(
                sent, to: zone.id, by: Actor(account: account, device: DeviceID(high: 7, low: 7)),
                at: now, in: counting)
            #expect(receipt.results.allSatisfy { $0.status == .saved })
            return Counts(
                reads: counting.reads, writes: counting.writes, pipelined: counting.pipelined,
                controls: counting.controls)
        }
    }

    @Test func `a commit asks for each picture no more often than it must`() async throws {
        let one = try await commit(1)
        let many = try await commit(101)
        let each = Counts(
            reads: (many.reads - one.reads) / 100, writes: (many.writes - one.writes) / 100,
            pipelined: (many.pipelined - one.pipelined) / 100,
            controls: (many.controls - one.controls) / 100)
        // See decision 32; what begins and ends the transaction comes on top.
        #expect(one.statements <= 30 && one.waits <= 12, "\(one)")
        #expect(each.statements <= 16 && each.waits <= 8, "\(each)")
    }
}
