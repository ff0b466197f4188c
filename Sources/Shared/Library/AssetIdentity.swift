import Crypto
package import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Ids that follow from what they name, so that two devices, or one that repeats itself, make the
/// same one (P8).
package enum AssetIdentity {
    /// An asset's id: the first 16 bytes of HMAC-SHA256(zone's id key, the 32 bytes of the digest
    /// of the original as it was first imported).
    ///
    /// It never changes again.
    package static func id(of original: Records.Digest, idKey: [UInt8]) -> RecordID {
        derive(original.bytes, key: idKey)
    }

    /// The id of the commit group in which `device` brings these parts to this asset: the same
    /// content on the same base is the same group, however often it is sent.
    ///
    /// Authenticated with the zone's id key over: `group`, the device's 16 bytes, the asset's 16
    /// bytes, the base's epoch and sequence (-1 without a base) as 8 bytes each, most significant
    /// first, the number of tries before that came to nothing as 8 bytes, then each part's role, a zero byte and its digest, ordered by role.
    package static func group(
        asset: RecordID, epoch: Epoch, base: Base?, blobs: [String: BlobReference],
        device: DeviceID, attempt: Int = 0, idKey: [UInt8]
    ) -> GroupID {
        var content = Array("group".utf8) + device.bytes + asset.bytes
        content += Hexadecimal.bytes(of: UInt64(bitPattern: base?.epoch.rawValue ?? epoch.rawValue))
        content += Hexadecimal.bytes(of: UInt64(bitPattern: base?.sequence ?? -1))
        content += Hexadecimal.bytes(of: UInt64(attempt))
        for (role, blob) in blobs.sorted(by: { $0.key < $1.key }) {
            content += Array(role.utf8) + [0] + blob.digest.bytes
        }
        return derive(content, key: idKey)
    }

    /// The id of the record that says which asset is in which album: authenticated with the zone's
    /// id key over `membership`, the album's 16 bytes and the asset's.
    static func membership(_ membership: Membership, idKey: [UInt8]) -> RecordID {
        let content = Array("membership".utf8) + membership.album.bytes + membership.asset.bytes
        return derive(content, key: idKey)
    }

    /// The id of the commit group in which `device` sends what its user decided about a record.
    ///
    /// `decision`: the bytes of what was decided and when, in any form that is always the same.
    package static func group(
        of decision: [UInt8], about key: RecordKey, base: Base?, epoch: Epoch, device: DeviceID,
        idKey: [UInt8]
    ) -> GroupID {
        var content = Array("decision".utf8) + device.bytes + key.id.bytes
        content += Array(key.type.rawValue.utf8) + [0]
        content += Hexadecimal.bytes(of: UInt64(bitPattern: base?.epoch.rawValue ?? epoch.rawValue))
        content += Hexadecimal.bytes(of: UInt64(bitPattern: base?.sequence ?? -1))
        return derive(content + decision, key: idKey)
    }

    /// The id of the group in which `device` changes this asset as `words` say, and no blob of it.
    ///
    /// Authenticated with the zone's id key over: `change`, the device's 16 bytes, the asset's 16
    /// bytes, the base's epoch and sequence as 8 bytes each, most significant first, the number of
    /// tries before that came to nothing as 8 bytes, then the words.
    package static func group(
        asset: RecordID, base: Base, words: String, device: DeviceID, attempt: Int = 0,
        idKey: [UInt8]
    ) -> GroupID {
        var content = Array("change".utf8) + device.bytes + asset.bytes
        content += Hexadecimal.bytes(of: UInt64(bitPattern: base.epoch.rawValue))
        content += Hexadecimal.bytes(of: UInt64(bitPattern: base.sequence))
        content += Hexadecimal.bytes(of: UInt64(attempt)) + Array(words.utf8)
        return derive(content, key: idKey)
    }

    private static func derive<Subject>(_ content: [UInt8], key: [UInt8]) -> Identifier<Subject> {
        let code = HMAC<SHA256>.authenticationCode(for: content, using: SymmetricKey(data: key))
        guard let id = Identifier<Subject>(bytes: Array(code)) else {
            preconditionFailure("HMAC-SHA256 has 32 bytes.")
        }
        return id
    }
}
