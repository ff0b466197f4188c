import Foundation
import Records
import TestSupport

/// What lies in a folder, for comparing whole libraries.
enum Files {
    /// Relative paths of regular files, hidden ones and Martlet's own left out.
    static func names(in folder: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        return all.filter { name in
            !name.split(separator: "/").contains { $0.hasPrefix(".") }
                && (try? FileManager.default.attributesOfItem(atPath: folder + "/" + name)[.type])
                    as? FileAttributeType == .typeRegular
        }.sorted()
    }

    /// Makes files that begin as JPEGs do and differ from each other; `first` is the first's number.
    static func makePhotos(
        _ count: Int, byteCount: Int, first: Int = 0, in folder: String
    ) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        for index in first..<first + count {
            var bytes = Data([0xff, 0xd8, 0xff, 0xe0])
            bytes.append(
                Data(
                    (0..<byteCount).map {
                        UInt8(truncatingIfNeeded: ($0 &* 31) ^ (index &* 7) ^ ($0 >> 8))
                    }))
            withUnsafeBytes(of: index) { bytes.append(contentsOf: $0) }
            try bytes.write(to: URL(fileURLWithPath: "\(folder)/IMG_\(byteCount)_\(index).jpg"))
        }
    }

    /// Makes files that compress badly, so that a backup of them can be broken off.
    static func makeNoise(_ count: Int, byteCount: Int, in folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for index in 0..<count {
            let bytes = (0..<byteCount).map {
                UInt8(truncatingIfNeeded: ($0 &* 97) ^ ($0 >> 7) ^ index ^ ($0 >> 15 &* index))
            }
            try (Data([0xff, 0xd8, 0xff]) + Data(bytes))
                .write(to: URL(fileURLWithPath: "\(folder)/\(index).jpg"))
        }
    }

    /// By sha256sum, which takes names that are not UTF-8; Foundation's own calls do not.
    static func digests(in folder: String) throws -> [Digest: [String]] {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c",
            "cd \"$1\" && find . -name '.?*' -prune -o -type f -print0 | xargs -0r sha256sum -z",
            "sh", folder,
        ]
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        var found: [Digest: [String]] = [:]
        for line in output.split(separator: 0) {
            let text = String(decoding: line, as: UTF8.self)
            let digest = try Digest(parsing: String(text.prefix(64)))
            found[digest, default: []].append(String(text.dropFirst(68)))
        }
        return found
    }

    /// Some of the camera's files, in the order of their names.
    static func copyRealPhotos(_ numbers: Range<Int>, to folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let camera = RealPhotos.path("camera")
        for name in names(in: camera)[numbers] {
            try FileManager.default.copyItem(
                atPath: camera + "/" + name, toPath: folder + "/" + name)
        }
    }

    /// Path, size and modification time of everything: to prove that nothing was touched.
    static func inventory(of folder: String) throws -> [String] {
        try names(in: folder).map { name in
            let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
            return "\(name) \(attributes[.size] ?? "") \(attributes[.modificationDate] ?? "")"
        }
    }
}
