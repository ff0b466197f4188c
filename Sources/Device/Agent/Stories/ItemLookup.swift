import Library
import Records
package import SyncEngine

/// Finds what a person means by a path or an id.
package struct ItemLookup {
    private let roots: [StoredRoot]

    package init(_ rows: DatabaseRows) throws(RowsError) {
        roots = try rows.storedRoots()
    }

    /// The most likely first: an id, a digest, then the place of a path below each root.
    ///
    /// A path that is not absolute is one below the library.
    package func subjects(named name: String) -> [ItemSubject] {
        var subjects: [ItemSubject] = []
        if let id = try? RecordID(parsing: name) { subjects.append(.asset(id)) }
        if let digest = try? Digest(parsing: name) { subjects.append(.digest(digest)) }
        let bytes = Array(name.utf8)
        guard bytes.first == UInt8(ascii: "/") else {
            return subjects + [.place(Place(root: .library, path: Self.path(bytes)))]
        }
        for root in roots {
            let prefix = root.disk.path + [UInt8(ascii: "/")]
            guard bytes.starts(with: prefix), bytes.count > prefix.count else { continue }
            let path = Self.path(Array(bytes[prefix.count...]))
            subjects.append(.place(Place(root: root.id, path: path)))
        }
        return subjects
    }

    private static func path(_ bytes: [UInt8]) -> RelativePath {
        let parts = bytes.split(separator: UInt8(ascii: "/")).filter { $0 != [UInt8(ascii: ".")] }
        return RelativePath(bytes: Array(parts.joined(separator: [UInt8(ascii: "/")])))
    }
}
