import Agent
import Kernel
import Records
import SyncEngine
import Testing
import Wire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A device takes a receipt only for its server's word about just these bytes (P2).
@Suite struct ReceiptCheckerTests {
    private let signer: ReceiptSigner
    private let receipt = Receipt(
        account: AccountID(high: 1, low: 2), digest: Digest(of: Array("picture".utf8)),
        byteCount: 7, verifiedAt: Timestamp(milliseconds: 5), epoch: Epoch(rawValue: 3), copies: 1,
        issuedAt: Timestamp(milliseconds: 6))

    init() throws { signer = try ReceiptSigner(key: Array(1...32)) }

    private func checker(_ key: [UInt8]? = nil, account: UInt64 = 1) -> ReceiptChecker {
        let text = Hexadecimal.encode(key ?? signer.publicKey)
        return ReceiptChecker(account: AccountID(high: account, low: 2)) { text }
    }

    private func described(
        digest: Digest? = nil, byteCount: Int64 = 7, verifiedAt: Int64 = 5, epoch: Int64 = 3,
        copies: Int = 1, signed: [UInt8]? = nil
    ) throws -> ReceiptDescription {
        ReceiptDescription(
            digest: digest ?? receipt.digest, byteCount: byteCount,
            verifiedAt: Timestamp(milliseconds: verifiedAt), epoch: Epoch(rawValue: epoch),
            copies: copies,
            receipt: Data(try signed ?? signer.sign(receipt)).base64EncodedString())
    }

    private func fault(
        _ described: ReceiptDescription, by checker: ReceiptChecker
    ) -> String? {
        checker.check([described]).first?.fault
    }

    @Test func `what the server signed is its word, with all that it says`() throws {
        let checked = checker().check([try described()])
        #expect(checked.count == 1)
        let first = try #require(checked.first)
        #expect(first.fault == nil)
        #expect(first.digest == receipt.digest && first.byteCount == 7 && first.copies == 1)
        #expect(first.verifiedAt == receipt.verifiedAt && first.epoch == receipt.epoch)
    }

    @Test func `with another key, a changed byte or none at all it proves nothing`() throws {
        let other = try ReceiptSigner(key: Array(2...33))
        var faults = [fault(try described(), by: checker(other.publicKey))]
        let signed = try signer.sign(receipt)
        for index in [0, signed.count - 65, signed.count - 64, signed.count - 1] {
            var changed = signed
            changed[index] ^= 1
            faults.append(fault(try described(signed: changed), by: checker()))
        }
        faults.append(fault(try described(signed: []), by: checker()))
        faults.append(fault(try described(signed: Array(signed.prefix(10))), by: checker()))
        for fault in faults { #expect(fault?.contains("is not signed with the key") == true) }
    }

    @Test func `a signed receipt about something else proves nothing`() throws {
        let described = [
            try described(digest: Digest(of: [1])), try described(byteCount: 8),
            try described(verifiedAt: 6), try described(epoch: 4), try described(copies: 2),
        ]
        for described in described {
            #expect(fault(described, by: checker())?.contains("something else") == true)
        }
        #expect(
            fault(try self.described(), by: checker(account: 9))?.contains("something else")
                == true)
        // Signed, and no receipt: another spelling of a value.
        let text = String(decoding: receipt.canonicalBytes, as: UTF8.self)
        #expect(Receipt(canonicalBytes: Array(text.utf8)) == receipt)
        #expect(
            Receipt(
                canonicalBytes: Array(
                    text.replacing("bytes 7", with: "bytes 07").utf8)) == nil)
    }

    @Test func `a device that was given no key takes none`() throws {
        let without = ReceiptChecker(account: receipt.account) { nil }
        #expect(fault(try described(), by: without)?.contains("martlet login") == true)
        let damaged = ReceiptChecker(account: receipt.account) { "abc" }
        #expect(fault(try described(), by: damaged)?.contains("martlet login") == true)
    }
}
