import Kernel
import Records
import Storage
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite struct ReceiptTests {
    static let receipt = Receipt(
        account: AccountID(high: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210),
        digest: digest("abc"), byteCount: 3, verifiedAt: Timestamp(milliseconds: 1_763_700_000_123),
        epoch: Epoch(rawValue: 2), copies: 1,
        issuedAt: Timestamp(milliseconds: 1_763_700_999_000))

    /// These bytes are on devices' disks: they never change.
    static let golden = """
        martlet receipt 1
        account 0123456789abcdeffedcba9876543210
        digest ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
        bytes 3
        verified 1763700000123
        epoch 2
        copies 1
        issued 1763700999000

        """

    private let signer: ReceiptSigner

    init() throws { signer = try ReceiptSigner(key: Array(repeating: 7, count: 32)) }

    @Test func `a receipt has these bytes`() {
        #expect(String(decoding: Self.receipt.canonicalBytes, as: UTF8.self) == Self.golden)
        #expect(Receipt(canonicalBytes: Array(Self.golden.utf8)) == Self.receipt)
    }

    @Test func `the public key is that of RFC 8032`() throws {
        // Section 7.1, test 1.
        let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
        let expected = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        let key = try #require(Hexadecimal.decode(secret, byteCount: 32))
        #expect(Hexadecimal.encode(try ReceiptSigner(key: key).publicKey) == expected)
    }

    @Test func `what was signed is opened, and nothing else`() throws {
        let signed = try signer.sign(Self.receipt)
        #expect(signed.count == Self.receipt.canonicalBytes.count + 64)
        #expect(try signer.open(signed) == Self.receipt)
        for index in stride(from: 0, to: signed.count, by: 7) {
            var forged = signed
            forged[index] ^= 1
            #expect(throws: KernelError.self) { try signer.open(forged) }
        }
        for short in [[], Array(signed.prefix(63)), Array(signed.dropLast())] {
            #expect(throws: KernelError.self) { try signer.open(short) }
        }
        let other = try ReceiptSigner(key: Array(repeating: 8, count: 32))
        #expect(throws: KernelError.self) { try other.open(signed) }
    }

    @Test(arguments: [
        "bytes 03", "bytes +3", "bytes 3 ", "bytes x", "", "bytes 99999999999999999999",
    ])
    func `other spellings are no receipts`(line: String) {
        let text = Self.golden.replacing("bytes 3", with: line)
        #expect(Receipt(canonicalBytes: Array(text.utf8)) == nil)
    }

    @Test func `the key is made once and read afterwards`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("receipt-key")
        let signed = try ReceiptSigner(path: path).sign(Self.receipt)
        #expect(try ReceiptSigner(path: path).open(signed) == Self.receipt)
        var information = stat()
        #expect(stat(path, &information) == 0)
        #expect(information.st_mode & 0o777 == 0o600)
    }

    @Test func `a key file that is damaged is refused and kept`() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("receipt-key")
        try Data("short\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: KernelError.self) { _ = try ReceiptSigner(path: path) }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("short\n".utf8))
    }

    @Test func `a receipt gives the blob back after the database lost the holding`() async throws {
        try await inWorld { world in
            let (kernel, transaction, account) = (
                world.kernel, world.transaction, world.anna.account
            )
            try world.upload("a", verified: true)
            try world.upload("a", by: world.bert)
            let receipt = try kernel.receipt(
                digest("a"), for: account, at: world.now, in: transaction)
            try transaction.execute("DELETE FROM holding WHERE account = ?", [SQLValue(account)])
            #expect(try !world.holds("a"))
            try kernel.claim(receipt, for: account, at: world.now, in: transaction)
            #expect(try world.holds("a"))

            try transaction.execute("DELETE FROM object")
            let error = #expect(throws: KernelError.self) {
                try kernel.claim(receipt, for: account, at: world.now, in: transaction)
            }
            #expect(error?.code == .blobNotFound)
        }
    }
}
