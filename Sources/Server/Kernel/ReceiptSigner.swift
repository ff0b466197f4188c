import Crypto
package import Records
import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Signs receipts with a key of the server's own that no restore touches (`Keepsakes`), so that
/// receipts stay good whatever happens to the database.
package struct ReceiptSigner: Sendable {
    /// Ed25519 (RFC 8032): 64 bytes behind the receipt's canonical bytes.
    package static let signatureByteCount = 64

    private let key: Curve25519.Signing.PrivateKey

    /// Reads the key file, or makes it at the first start.
    ///
    /// Blocks.
    package init(path: String) throws(KernelError) {
        do {
            key = try Curve25519.Signing.PrivateKey(
                rawRepresentation: try KeyFile.readOrCreate(
                    path, key: { Self.newKey() }))
        } catch {
            throw KernelError(
                .storage,
                "The key for receipts cannot be used (\(path)): put the file back from a backup.",
                cause: error)
        }
    }

    /// Fit to be kept: 32 random bytes.
    package static func newKey() -> [UInt8] {
        Array(Curve25519.Signing.PrivateKey().rawRepresentation)
    }

    /// With a key of 32 given bytes.
    package init(key bytes: [UInt8]) throws(KernelError) {
        do {
            key = try Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
        } catch {
            throw KernelError(.invalidReceipt, "A key has 32 bytes.", cause: error)
        }
    }

    /// 32 bytes, for whoever wants to check receipts.
    package var publicKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

    /// The receipt's canonical bytes and behind them the signature.
    package func sign(_ receipt: Receipt) throws(KernelError) -> [UInt8] {
        let bytes = receipt.canonicalBytes
        do {
            return bytes + Array(try key.signature(for: bytes))
        } catch {
            throw KernelError(.storage, "The receipt cannot be signed.", cause: error)
        }
    }

    /// Throws `invalidReceipt` unless this server signed exactly these bytes.
    package func open(_ signed: [UInt8]) throws(KernelError) -> Receipt {
        let bytes = signed.dropLast(Self.signatureByteCount)
        let signature = signed.suffix(Self.signatureByteCount)
        guard key.publicKey.isValidSignature(signature, for: bytes),
            let receipt = Receipt(canonicalBytes: bytes)
        else {
            throw KernelError(.invalidReceipt, "This is no receipt of this server's.")
        }
        return receipt
    }
}
