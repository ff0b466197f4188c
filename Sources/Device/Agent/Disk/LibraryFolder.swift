import Library
import Records
package import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The part of a library's folder that is Martlet's own (Documentation/formats.md).
///
///     .martlet/mark        who writes to this library
///     .martlet/incoming/   files in the making
///     .martlet/trash/      what other devices deleted, until it is purged
///     .martlet/leaving/    originals on their way out, with Optimize Storage
///     .martlet/previews/   previews of originals that are not here
///     .martlet/quarantine/ what repairs moved aside, and a manifest of each
package enum LibraryFolder {
    package static let name: [UInt8] = Array(".martlet".utf8)
    static let own = RelativePath(bytes: name)
    static let incoming = Folder(root: .library, path: own.appending(Array("incoming".utf8)))
    static let markName: [UInt8] = Array("mark".utf8)
    static let subfolders = ["incoming", "trash", "leaving", "previews"]

    /// Makes the library's folder at an absolute path, with all that belongs into it.
    package static func make(at path: String) throws(DiskError) {
        for folder in [path, path + "/.martlet"] + subfolders.map({ path + "/.martlet/" + $0 }) {
            try makeFolders(folder)
        }
    }

    /// `nil`: there is no mark.
    ///
    /// A mark that can't be read as one is `inputOutput(EILSEQ)`.
    package static func readMark(at path: [UInt8]) throws(DiskError) -> LibraryMark? {
        do throws(DiskError) {
            let folder = try Descriptor.open(
                name, in: Descriptor.openFolder(path), flags: O_RDONLY | O_DIRECTORY)
            let file = try Descriptor.open(markName, in: folder, flags: O_RDONLY)
            let bytes = try file.bytes(at: 0, byteCountMax: Limits.markByteCountMax)
            guard let mark = try? JSONDecoder().decode(LibraryMark.self, from: Data(bytes))
            else { throw .inputOutput(errno: EILSEQ) }
            return mark
        } catch {
            guard error == .notFound else { throw error }
            return nil
        }
    }

    /// Durable when it returns; the mark is either the old or the new one, whatever happens.
    package static func write(_ mark: LibraryMark, at path: String) throws(DiskError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        guard let data = try? encoder.encode(mark) else { throw .inputOutput(errno: EINVAL) }
        try writeDurably([UInt8](data), to: path + "/.martlet/mark", mode: 0o644)
    }

    /// Makes a folder and its missing parents; existing is success.
    static func makeFolders(_ path: String) throws(DiskError) {
        if mkdir(path, 0o755) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw DiskError(errno: errno)
        }
        try makeFolders(String(path[..<slash]))
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else { throw DiskError(errno: errno) }
    }
}

/// Writes a small file beside its name, syncs it, and only then gives it the name.
func writeDurably(_ bytes: [UInt8], to path: String, mode: mode_t) throws(DiskError) {
    let (folder, name) = try Descriptor.openParent(of: path)
    let temporary = name + Array(".new".utf8)
    _ = withName(temporary) { unlinkat(folder.number, $0, 0) }
    let file = try Descriptor.open(
        temporary, in: folder, flags: O_WRONLY | O_CREAT | O_EXCL, mode: mode)
    try file.write(bytes, at: 0)
    try file.sync()
    let result = withName(temporary) { from in
        withName(name) { to in renameat(folder.number, from, folder.number, to) }
    }
    guard result == 0 else { throw DiskError(errno: errno) }
    try folder.sync()
}
