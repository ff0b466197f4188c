import Kernel
import Records
import Storage

/// The server's objects and the oracle's memory of them, at the moment of a snapshot.
struct ServerSnapshot {
    let objects: [ObjectKey: Content]
    let staged: [UploadID: Content]
    let head: Int64
    let oracle: Oracle.Memory
}

// Its data folder put back to an earlier state, as from a backup or a virtual machine's snapshot.
extension SimulatedServer {
    func takeSnapshot() {
        guard snapshot == nil else { return }
        do {
            try transaction.execute("SAVEPOINT snapshot")
            snapshot = ServerSnapshot(
                objects: objects, staged: staged, head: head, oracle: oracle.memory)
        } catch {
            world.violate("No snapshot: \(error.message)")
        }
    }

    /// The process ends, the folder goes back, the process starts again and knows nothing of it.
    func restoreSnapshot() {
        guard let snapshot else { return }
        self.snapshot = nil
        crash("restore")
        forgetReads()
        do {
            try transaction.execute("ROLLBACK TO snapshot")
            try transaction.execute("RELEASE snapshot")
        } catch {
            world.violate("The snapshot cannot be restored: \(error.message)")
        }
        objects = snapshot.objects
        staged = snapshot.staged
        head = snapshot.head
        oracle.restored(
            from: oracle.memory.acknowledged, to: snapshot.oracle.acknowledged)
        oracle.memory = snapshot.oracle
        oracle.wasRestored = true
    }

    /// What the server does when a device proves that it was rolled back.
    func beginEpoch(provenBy request: ProvenRollback) throws {
        try inSavepoint { transaction in
            switch request {
            case .token(let token):
                try kernel.beginEpoch(
                    provenBy: token, zone: zone.id, at: wall, in: transaction)
            case .bases(let bases):
                for base in bases {
                    try kernel.beginEpoch(
                        provenBy: base, zone: zone.id, at: wall, in: transaction)
                }
            }
        }
        forgetReads()
        world.step("newEpoch", "")
        world.counters.add(.server, "newEpoch")
    }

    enum ProvenRollback {
        case token(ChangeToken)
        case bases([Base])
    }
}
