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
                if world.plantedBug == .evictedWithoutReceipt {
                    found.append(try receiptOfNothing(location))
                    continue
                }
                let isGood = objects[location.key]?.digest == location.digest
                if !isGood {
                    world.violate("(2) \(location.digest) was acknowledged and is not there.")
                    try kernel.markLost(location.digest, key: location.key, in: transaction)
                    continue
                }
                try kernel.setVerified(
                    location.digest, key: location.key, at: world.wall(), in: transaction)
                oracle.receipted(location.digest)
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

    /// Of a server that says it has read what it has not.
    private func receiptOfNothing(_ location: ObjectLocation) throws -> ServerReceipt {
        let zone = try kernel.zone(zone.id, for: account, in: transaction)
        return ServerReceipt(
            digest: location.digest, byteCount: location.byteCount, verifiedAt: world.wall(),
            epoch: zone.epoch, copies: 1,
            signed: "receipt \(location.digest.text)")
    }
}
