import Library
import Records
import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// All that lies below a folder, as one walk saw it.
struct FolderTree {
    struct Node {
        let path: RelativePath
        let kind: Entry.Kind
        let mode: mode_t
    }

    /// Absolute.
    let root: [UInt8]
    /// Parents before what lies in them, by name.
    private(set) var nodes: [Node] = []

    init(root: String) throws(DiskError) {
        self.root = Array(root.utf8)
        try walk(try Descriptor.openFolder(self.root), .root)
    }

    private mutating func walk(
        _ folder: Descriptor, _ path: RelativePath
    ) throws(DiskError) {
        for name in try folder.names().sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            var information = stat()
            let found = withName(name) {
                fstatat(folder.number, $0, &information, AT_SYMLINK_NOFOLLOW)
            }
            if found != 0, errno == ENOENT { continue }
            guard found == 0 else { throw DiskError(errno: errno) }
            let node = Node(
                path: path.appending(name), kind: Entry.Kind(information),
                mode: information.st_mode & 0o7777)
            nodes.append(node)
            guard node.kind == .folder else { continue }
            let child = try Descriptor.open(name, in: folder, flags: O_RDONLY | O_DIRECTORY)
            try walk(child, node.path)
        }
    }

    /// The absolute path of something below a root.
    static func path(_ root: [UInt8], _ path: RelativePath) -> [UInt8] {
        path.bytes.isEmpty ? root : root + [UInt8(ascii: "/")] + path.bytes
    }
}
