package import Library
package import Records

/// A folder tree that a device looks at: its library, or a read-only source.
package struct RootID: RawRepresentable, Hashable, Sendable, Comparable {
    package static let library = RootID(rawValue: 0)

    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package var isLibrary: Bool { self == .library }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A folder below a root.
package struct Folder: Hashable, Sendable, Comparable {
    package let root: RootID
    package let path: RelativePath

    package init(root: RootID, path: RelativePath) {
        self.root = root
        self.path = path
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.root, left.path) < (right.root, right.path)
    }
}

/// A path on this device where an item's bytes lie or lay.
package struct Place: Hashable, Sendable, Comparable {
    package let root: RootID
    package let path: RelativePath

    package init(root: RootID, path: RelativePath) {
        self.root = root
        self.path = path
    }

    package var folder: Folder { Folder(root: root, path: path.parent ?? .root) }

    package static func < (left: Self, right: Self) -> Bool {
        (left.root, left.path) < (right.root, right.path)
    }
}

/// What statx says of a file: while it stays the same, so do the bytes.
package struct FileStamp: Hashable, Sendable, Codable {
    package var inode: UInt64
    package var byteCount: Int64
    /// Nanoseconds since 1970 of the last change of the bytes.
    package var modifiedAt: Int64
    /// Nanoseconds since 1970 of the last change of the inode.
    package var changedAt: Int64

    package init(inode: UInt64, byteCount: Int64, modifiedAt: Int64, changedAt: Int64) {
        self.inode = inode
        self.byteCount = byteCount
        self.modifiedAt = modifiedAt
        self.changedAt = changedAt
    }
}

/// One name in a folder.
package struct Entry: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        case file(FileStamp)
        case folder
        case symbolicLink
        /// A FIFO, a socket or a device.
        case other
    }

    package let name: [UInt8]
    package let kind: Kind

    package init(name: [UInt8], kind: Kind) {
        self.name = name
        self.kind = kind
    }
}

/// A file in the making, in the library's `.martlet/incoming/`; never seen by scans.
package struct TemporaryName: Hashable, Sendable, Comparable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }
}

/// The file of an asset's preview, in the library's `.martlet/previews/`; never seen by scans.
package struct PreviewName: Hashable, Sendable {
    package let asset: RecordID

    package init(_ asset: RecordID) { self.asset = asset }

    private static let ending = ".webp"

    /// `nil`: a file of this name is no preview.
    package init?(fileName: [UInt8]) {
        let text = String(decoding: fileName, as: UTF8.self)
        guard text.hasSuffix(Self.ending),
            let asset = try? RecordID(parsing: String(text.dropLast(Self.ending.count)))
        else { return nil }
        self.asset = asset
    }

    /// Below the library's folder; at most 256 folders share them.
    package var path: RelativePath {
        Self.path(ofFolder: Self.folder(of: asset))
            .appending(Array("\(asset.text)\(Self.ending)".utf8))
    }

    /// In which of the folders it is, 0 to 255: the first byte of the asset's id.
    package static func folder(of asset: RecordID) -> Int { Int(asset.high >> 56) }

    package static func path(ofFolder folder: Int) -> RelativePath {
        RelativePath(
            ".martlet/previews/" + Hexadecimal.encode([UInt8(truncatingIfNeeded: folder)]))
    }
}
