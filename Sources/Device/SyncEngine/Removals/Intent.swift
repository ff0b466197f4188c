import Library
package import Records

/// The name of a library's file that is out of its place: in `.martlet/trash/` or
/// `.martlet/leaving/`.
///
/// Names are never used twice, so that one of them means one file whatever a crash leaves.
package struct AsideName: Hashable, Sendable, Comparable {
    package enum Folder: String, Hashable, Sendable {
        /// What other devices removed or replaced; goes with the record's purge.
        case trash
        /// Originals on their way out, with Optimize Storage.
        case leaving
    }

    package let folder: AsideName.Folder
    package let text: String

    package init(_ folder: Folder, _ text: String) {
        self.folder = folder
        self.text = text
    }

    /// A fresh name that still says what the file was called: `number` makes it the only one.
    package init(_ folder: Folder, fileName: [UInt8], number: UInt64) {
        let digits = String(number, radix: 16)
        var name = String(repeating: "0", count: 16 - digits.count) + digits + "-"
        for character in FileName.cleaned(fileName).text {
            guard name.utf8.count + character.utf8.count <= Limits.asideNameByteCountMax else {
                break
            }
            name.append(character)
        }
        self.init(folder, name)
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.folder.rawValue, left.text) < (right.folder.rawValue, right.text)
    }
}

/// What Martlet itself is about to do to a file at a place.
///
/// Saved, and made durable with `syncRows`, *before* the file is touched; removed with the result.
/// So a missing file that an intent explains is never taken for the user's deletion, and after a
/// crash each is finished or put back by looking at both places.
package struct Intent: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// To `.martlet/trash/`, because of what another device did.
        case trash(AsideName, TrashedFile.Cause)
        /// Away, with Optimize Storage: to `.martlet/leaving/`, then unlinked. `receipts`: the
        /// digests whose stored receipts allow it, one for each part of the asset (P2).
        case leave(AsideName, receipts: [Digest])
        /// To another name in the library.
        case rename(to: Place)
    }

    /// Where the file lies before; one intent a place.
    package let place: Place
    /// What it must still be when it is touched.
    package let stamp: FileStamp
    package let agreed: Agreement?
    package let kind: Kind
    package let at: Timestamp

    package init(
        place: Place, stamp: FileStamp, agreed: Agreement?, kind: Kind, at: Timestamp
    ) {
        self.place = place
        self.stamp = stamp
        self.agreed = agreed
        self.kind = kind
        self.at = at
    }

    package var aside: AsideName? {
        if case .aside(let name) = target { name } else { nil }
    }

    package var target: Elsewhere {
        switch kind {
        case .trash(let name, _), .leave(let name, _): .aside(name)
        case .rename(let place): .place(place)
        }
    }
}

/// A file in the library's local trash: renamed there, never unlinked before its record is purged.
package struct TrashedFile: Hashable, Sendable {
    package enum Cause: String, Hashable, Sendable {
        /// Its asset was deleted elsewhere.
        case deleted
        /// Its part of the asset has other bytes now, or none.
        case replaced
        /// It was changed here, and its user wants the good copy: the asset lives on, and this file
        /// holds other bytes than any of its parts. It goes with the asset's purge.
        case refused
    }

    package let name: AsideName
    /// Where it lay, and where it comes back to.
    package let place: Place
    /// As it lay; a rename changes nothing of it but the inode's own time.
    package let stamp: FileStamp
    package let agreed: Agreement
    package let cause: Cause
    package let at: Timestamp

    package init(
        name: AsideName, place: Place, stamp: FileStamp, agreed: Agreement, cause: Cause,
        at: Timestamp
    ) {
        self.name = name
        self.place = place
        self.stamp = stamp
        self.agreed = agreed
        self.cause = cause
        self.at = at
    }
}

extension AsideName.Folder {
    /// Where it lies in the library.
    package var place: Folder {
        Folder(root: .library, path: RelativePath(".martlet/" + rawValue))
    }
}

extension FileStamp {
    /// The same file with the same bytes, though it was renamed: only the inode's own time may
    /// differ.
    package func isSameFile(as other: FileStamp) -> Bool {
        inode == other.inode && byteCount == other.byteCount && modifiedAt == other.modifiedAt
    }
}
