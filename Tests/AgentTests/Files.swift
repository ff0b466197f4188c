import Agent
import Library
import Records
import SyncEngine
import TestSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension TemporaryFolder {
    /// Writes a file below this folder by its bytes; parents must be there.
    func write(_ name: String, _ bytes: [UInt8]) throws { try write(Array(name.utf8), bytes) }

    func write(_ name: [UInt8], _ bytes: [UInt8]) throws {
        let path = Array((self.path + "/").utf8) + name + [0]
        let file = path.withUnsafeBytes {
            fopen($0.assumingMemoryBound(to: CChar.self).baseAddress, "w")
        }
        guard let file else { throw DiskError.notFound }
        _ = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        fclose(file)
    }

    func makeFolder(_ name: String) { mkdir(path + "/" + name, 0o755) }

    func link(_ name: String, to target: String) { symlink(target, path + "/" + name) }

    func makePipe(_ name: String) { mkfifo(path + "/" + name, 0o600) }

    func bytes(_ name: String) -> [UInt8]? {
        guard let file = fopen(path + "/" + name, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }

    func exists(_ name: String) -> Bool { access(path + "/" + name, F_OK) == 0 }

    /// This folder as a library, with what belongs into one.
    func library() throws -> DeviceDisk {
        try LibraryFolder.make(at: path)
        return DeviceDisk(roots: [.library: DiskRoot(path: path)])
    }
}

extension DeviceDisk {
    func stamp(_ place: Place) throws -> FileStamp {
        guard case .file(let stamp)? = try entry(at: place)?.kind else { throw DiskError.notFound }
        return stamp
    }
}

func place(_ text: String, in root: RootID = .library) -> Place {
    Place(root: root, path: RelativePath(text))
}
