import CMartlet
package import Library
package import Records
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

/// What a repair moves out of its way, in the library's `.martlet/quarantine/` (formats.md).
///
/// Each repair has a folder of its own with `manifest.json` in it, which names a file before the file
/// is moved: whatever a crash leaves can be undone. Nothing is ever removed from there but by people.
package struct Quarantine: Sendable {
    static let name: [UInt8] = Array("quarantine".utf8)
    static let folder = Folder(root: .library, path: LibraryFolder.own.appending(name))
    private static let manifestName = "manifest.json"

    /// One file, and where it lay.
    package struct Entry: Hashable, Sendable, Codable {
        /// In the repair's folder.
        package let name: String
        /// Below the library's folder, for people.
        package let path: String
        /// The same path, exactly: hexadecimal.
        package let pathBytes: String
        package let byteCount: Int64
        /// Something good was put into its place.
        package var isReplaced: Bool

        var relativePath: RelativePath? {
            Hexadecimal.decode(pathBytes, byteCount: pathBytes.utf8.count / 2)
                .map(RelativePath.init(bytes:))
        }
    }

    package struct Manifest: Hashable, Sendable, Codable {
        package let madeAt: Timestamp
        /// The remedy's code.
        package let remedy: String
        package var entries: [Entry]
    }

    /// What one repair moved aside.
    package struct Batch: Hashable, Sendable {
        /// The folder's name.
        package let name: String
        package let manifest: Manifest
        /// Those of the manifest's files that lie there.
        package let held: [Entry]
        package let byteCount: Int64
    }

    private let disk: DeviceDisk
    private let folder: Folder
    private let library: String
    package private(set) var manifest: Manifest

    /// Nothing is made before the first file is taken.
    package init(library: String, remedy: String, at time: Timestamp) {
        self.library = library
        disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        let digits = String(time.milliseconds)
        let name = String(repeating: "0", count: max(0, 14 - digits.count)) + digits
        folder = Folder(
            root: .library, path: Self.folder.path.appending(Array("\(name)-\(remedy)".utf8)))
        manifest = Manifest(madeAt: time, remedy: remedy, entries: [])
    }

    /// For people.
    package static func path(of library: String) -> String { "\(library)/\(folder.path.text)" }

    /// Moves a file aside, if it is still what it was; throws `changed` otherwise.
    package mutating func take(
        _ path: RelativePath, _ stamp: FileStamp, isReplaced: Bool = false
    ) throws(DiskError) {
        guard manifest.entries.count < Limits.quarantineEntriesMax else { throw .noSpace }
        let source = Folder(root: .library, path: path.parent ?? .root)
        let target = try disk.makeAndOpen(folder)
        let number = String(manifest.entries.count + 1)
        let clean = FileName.sanitized(FileName.cleaned(path.name).text, reserving: 8)
        let entry = Entry(
            name: "\(number)-\(clean)", path: path.text, pathBytes: Hexadecimal.encode(path.bytes),
            byteCount: stamp.byteCount, isReplaced: isReplaced)
        manifest.entries.append(entry)
        do throws(DiskError) {
            try write(manifest)
            let from = try disk.open(source)
            guard try from.entry(named: path.name)?.kind == .file(stamp) else { throw .changed }
            try Self.move(path.name, in: from, to: Array(entry.name.utf8), in: target)
            try target.sync()
        } catch {
            manifest.entries.removeLast()
            try? write(manifest)
            throw error
        }
    }

    /// Puts back what was taken last, because the repair came to nothing.
    package mutating func putLastBack() throws(DiskError) {
        guard let entry = manifest.entries.last, let path = entry.relativePath else { return }
        try Self.move(
            Array(entry.name.utf8), in: disk.open(folder), to: path.name,
            in: disk.makeAndOpen(Folder(root: .library, path: path.parent ?? .root)))
        manifest.entries.removeLast()
        try write(manifest)
    }

    private func write(_ manifest: Manifest) throws(DiskError) {
        try Self.write(manifest, to: "\(library)/\(folder.path.text)")
    }

    private static func write(_ manifest: Manifest, to folder: String) throws(DiskError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(manifest) else { throw .inputOutput(errno: EINVAL) }
        try writeDurably([UInt8](data), to: "\(folder)/\(manifestName)", mode: 0o644)
    }

    /// Never over a file that is there.
    private static func move(
        _ name: [UInt8], in folder: Descriptor, to target: [UInt8], in targetFolder: Descriptor
    ) throws(DiskError) {
        let result = withName(name) { from in
            withName(target) { to in
                martlet_rename_exclusive(folder.number, from, targetFolder.number, to)
            }
        }
        guard result == 0 else { throw DiskError(errno: errno) }
    }

    // MARK: What lies there

    /// The latest repair last; folders that hold none of their files any more are left out.
    package static func batches(in library: String) -> [Batch] {
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        guard let names = try? disk.open(folder).names() else { return [] }
        return names.sorted { $0.lexicographicallyPrecedes($1) }.compactMap { name in
            let text = String(decoding: name, as: UTF8.self)
            let path = "\(self.path(of: library))/\(text)"
            guard let data = FileManager.default.contents(atPath: "\(path)/\(manifestName)"),
                let manifest = try? JSONDecoder().decode(Manifest.self, from: data)
            else { return nil }
            let held = manifest.entries.filter { access("\(path)/\($0.name)", F_OK) == 0 }
            guard !held.isEmpty else { return nil }
            return Batch(
                name: text, manifest: manifest, held: held,
                byteCount: held.reduce(0) { $0 + $1.byteCount })
        }
    }

    /// Puts what one repair moved aside back to where it lay.
    ///
    /// What was put in its place changes places with it. Returns those put back, and those whose
    /// place is taken by something else.
    package static func undo(
        _ batch: Batch, in library: String
    ) throws(DiskError) -> (done: [Entry], stayed: [Entry]) {
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        let own = Folder(
            root: .library, path: folder.path.appending(Array(batch.name.utf8)))
        let source = try disk.open(own)
        var (done, stayed): ([Entry], [Entry]) = ([], [])
        for entry in batch.held {
            guard let path = entry.relativePath else { continue }
            let name = Array(entry.name.utf8)
            do throws(DiskError) {
                let target = try disk.makeAndOpen(
                    Folder(root: .library, path: path.parent ?? .root))
                if entry.isReplaced, try target.entry(named: path.name) != nil {
                    let spare = name + Array(".good".utf8)
                    try move(path.name, in: target, to: spare, in: source)
                    try move(name, in: source, to: path.name, in: target)
                    try move(spare, in: source, to: name, in: source)
                } else {
                    try move(name, in: source, to: path.name, in: target)
                }
                try target.sync()
                done.append(entry)
            } catch {
                guard error == .alreadyExists else { throw error }
                stayed.append(entry)
            }
        }
        try source.sync()
        return (done, stayed)
    }
}
