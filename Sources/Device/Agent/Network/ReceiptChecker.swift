import Crypto
package import Records
package import SyncEngine
package import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Whether receipts are the server's word about just these bytes of this account (P2).
///
/// The key is that of the latest sign-in. What answers at the server's address without it can make
/// no device give up an original.
package struct ReceiptChecker: Sendable {
    private static let signatureByteCount = 64

    private let account: AccountID
    private let key: @Sendable () -> String?

    /// `key`: 32 bytes, hexadecimal; may block.
    ///
    /// `nil`: the server gave none.
    package init(account: AccountID, key: @escaping @Sendable () -> String?) {
        self.account = account
        self.key = key
    }

    /// In their order, each with what is wrong with it.
    package func check(_ receipts: [ReceiptDescription]) -> [ServerReceipt] {
        let bytes = key().flatMap { Hexadecimal.decode($0, byteCount: 32) }
        let key = bytes.flatMap { try? Curve25519.Signing.PublicKey(rawRepresentation: $0) }
        return receipts.map { receipt in
            ServerReceipt(
                digest: receipt.digest, byteCount: receipt.byteCount,
                verifiedAt: receipt.verifiedAt, epoch: receipt.epoch, copies: receipt.copies,
                signed: receipt.receipt, fault: fault(of: receipt, key))
        }
    }

    private func fault(
        of receipt: ReceiptDescription, _ key: Curve25519.Signing.PublicKey?
    ) -> String? {
        guard let key else {
            return
                "this device does not know its server's key for receipts: martlet login fetches it"
        }
        let bytes = Data(base64Encoded: receipt.receipt).map(Array.init) ?? []
        let text = bytes.dropLast(Self.signatureByteCount)
        guard key.isValidSignature(bytes.suffix(Self.signatureByteCount), for: text) else {
            return "the server's receipt is not signed with the key that it had at sign-in; "
                + "if that was changed on purpose, run martlet login"
        }
        guard let signed = Receipt(canonicalBytes: text), signed.account == account,
            signed.digest == receipt.digest, signed.byteCount == receipt.byteCount,
            signed.verifiedAt == receipt.verifiedAt, signed.epoch == receipt.epoch,
            signed.copies == receipt.copies
        else { return "the server's receipt is about something else" }
        return nil
    }
}
