import Kernel
import Records
import SyncEngine

extension SimulatedServer {
    /// As the production server does: what was never read back is read now, and what is not what it
    /// should be counts as lost.
    func receipts(for digests: [Digest]) throws -> [ServerReceipt] {
        try inSavepoint { transaction in
            var found: [ServerReceipt] = []
            for location in try kernel.locations(digests, for: account, in: transaction) {
                let isGood = objects[location.key]?.digest == location.digest
                if !isGood {
                    world.violate("(2) \(location.digest) was acknowledged and is not there.")
                    try kernel.markLost(location.digest, key: location.key, in: transaction)
                    continue
                }
                try kernel.setVerified(
                    location.digest, key: location.key, at: world.wall(), in: transaction)
                let receipt = try kernel.receipt(
                    location.digest, for: account, at: world.wall(), in: transaction)
                found.append(
                    ServerReceipt(
                        digest: receipt.digest, byteCount: receipt.byteCount,
                        verifiedAt: receipt.verifiedAt, epoch: receipt.epoch,
                        copies: receipt.copies, signed: "receipt \(receipt.digest.text)"))
            }
            return found
        }
    }
}
