import Records
import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Marks of other programs that sync a folder, as they leave them in its top.
extension OtherSyncTool {
    /// Names that end with `*` begin so.
    private static let marks: [(name: String, tool: String)] = [
        (".stfolder", "Syncthing"), (".dropbox", "Dropbox"), (".dropbox.cache", "Dropbox"),
        (".sync_*", "Nextcloud"), ("._sync_*", "Nextcloud"), (".owncloudsync.log", "ownCloud"),
        (".nextcloudsync.log", "Nextcloud"), (".sync", "Resilio Sync"),
        (".SynologyWorkingDirectory", "Synology Drive"), (".unison", "Unison"),
        (".849C9593-D756-4E56-8D6E-42412F2A707B", "OneDrive"),
        (".tmp.drivedownload", "Google Drive"),
        (".seafile-ignore", "Seafile"), (".tresorit", "Tresorit"),
    ]

    /// The first mark among the names of a folder.
    static func find(in names: [[UInt8]]) -> Self? {
        let known = Set(names)
        for (mark, tool) in marks {
            if mark.last == "*" {
                let prefix = Array(mark.utf8.dropLast())
                let found = names.filter { $0.starts(with: prefix) }
                    .min { $0.lexicographicallyPrecedes($1) }
                guard let found else { continue }
                return Self(name: tool, mark: String(decoding: found, as: UTF8.self))
            }
            if known.contains(Array(mark.utf8)) { return Self(name: tool, mark: mark) }
        }
        return nil
    }

    /// In a folder above the library: only marks with whole names are looked for.
    static func find(above path: String) -> Self? {
        var path = path
        while let slash = path.lastIndex(of: "/") {
            path = String(path[..<slash])
            for (mark, tool) in marks where mark.last != "*" {
                let full = path + "/" + mark
                if access(full, F_OK) == 0 { return Self(name: tool, mark: full) }
            }
        }
        return nil
    }
}

extension LibraryFolder {
    /// The mark, and what else the folder shows of itself.
    static func look(at path: [UInt8]) throws(DiskError) -> LibraryLook {
        var look = LibraryLook(mark: try readMark(at: path))
        guard look.mark != nil else { return look }
        let folder = try Descriptor.openFolder(path)
        var information = statvfs()
        if fstatvfs(folder.number, &information) == 0 {
            look.isReadOnly = information.f_flag & UInt(ST_RDONLY) != 0
        }
        look.otherTool =
            OtherSyncTool.find(in: try folder.names())
            ?? OtherSyncTool.find(above: String(decoding: path, as: UTF8.self))
        return look
    }
}
