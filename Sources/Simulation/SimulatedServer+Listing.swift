import Kernel
import Records
import Storage

// What the oracle and the server's own analysis look at.
extension SimulatedServer {
    /// All records, as a new device would list them.
    func listing() -> [Record] {
        if let listed { return listed }
        let records = readListing()
        listed = records
        return records
    }

    private func readListing() -> [Record] {
        var records: [RecordKey: Record] = [:]
        var token: ChangeToken?
        do {
            while true {
                let page = try inSavepoint {
                    try kernel.changes(
                        in: zone.id, for: account, after: token, limit: 1_000, in: $0)
                }
                for record in page.records { records[record.key] = record }
                token = page.token
                guard page.more else { break }
            }
        } catch {
            world.violate("The server cannot list its zone: \(error)")
        }
        return records.values.sorted { $0.key < $1.key }
    }

    /// Where a listing of everything ends.
    func headToken() throws -> ChangeToken { try currentZone().token }

    /// What was read last is true until a commit, a new epoch or a restore.
    func forgetReads() {
        listed = nil
        zoneRead = nil
    }

    /// What goes with the head that is announced.
    var announcedToken: ChangeToken? {
        guard let token = try? headToken(), token.sequence == head else { return nil }
        return token
    }

    /// The bytes behind a digest that the account holds.
    func storedContent(_ digest: Digest) -> Content? {
        let location = try? inSavepoint { try kernel.object(digest, for: account, in: $0) }
        return location.flatMap { objects[$0.key] }
    }
}
