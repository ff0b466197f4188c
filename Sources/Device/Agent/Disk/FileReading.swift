import Library
import Media
import Records
package import SyncEngine

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

enum FileHashing {
    /// Reads from the start to the end in steps; `step` sees each one.
    ///
    /// Blocks.
    static func read(
        _ file: Descriptor, from start: Int64 = 0,
        step: (UnsafeRawBufferPointer, Int64) throws(DiskError) -> Void = { _, _ in }
    ) throws(DiskError) -> (digest: Digest, byteCount: Int64, hasher: Digest.Hasher) {
        // One byte more than a small file: its end is seen by the same call.
        let expected = max(0, try file.stamp().byteCount - start) + 1
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(min(expected, Int64(Limits.streamStepByteCount))), alignment: 4_096)
        defer { buffer.deallocate() }
        var (hasher, offset) = (Digest.Hasher(), start)
        while true {
            let count = try file.read(into: buffer, at: offset)
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            hasher.update(bytes)
            if count > 0 { try step(bytes, offset) }
            offset += Int64(count)
            if count < buffer.count { return (hasher.digest(), offset - start, hasher) }
        }
    }
}

extension DeviceDisk {
    /// Reads a file once, to its end: what it is, its digest, its provisional facts.
    ///
    /// `progress` is told how far it is, each `Limits.readingProgressByteCount`. Blocks.
    package func read(
        _ place: Place, _ stamp: FileStamp, progress: (Int64) -> Void = { _ in }
    ) -> FileReadResult {
        do throws(DiskError) {
            let file = try open(place, stamp)
            guard stamp.byteCount > 0 else { return .empty }
            let result = try content(of: file, place, stamp, progress)
            return try file.stamp() == stamp ? result : .stillChanging
        } catch {
            return error == .changed ? .stillChanging : .failed(error)
        }
    }

    private func content(
        of file: Descriptor, _ place: Place, _ stamp: FileStamp, _ progress: (Int64) -> Void
    ) throws(DiskError) -> FileReadResult {
        let name = place.path.name
        let source = DescriptorSource(file: file, byteCount: stamp.byteCount)
        let head = try source.bytes(at: 0, count: MediaContent.headByteCount)
        let content = MediaContent.classify(nameBytes: name, head: head)
        guard let type = content.mediaType else { return .notAPhoto }
        var told: Int64 = 0
        let read = try FileHashing.read(file) { (bytes, offset) throws(DiskError) in
            let byteCount = offset + Int64(bytes.count)
            guard byteCount - told >= Limits.readingProgressByteCount else { return }
            told = byteCount
            progress(byteCount)
        }
        guard read.byteCount == stamp.byteCount else { throw .changed }
        let facts =
            content.isMedia ? self.facts(of: source, name: name, modifiedAt: stamp.modifiedAt) : nil
        let found = FileContent(
            stamp: stamp, digest: read.digest, mediaType: type.rawValue, facts: facts ?? [:])
        return content.isMedia ? .media(found) : .sidecar(found)
    }

    /// Facts are of use, never a condition: a file whose inside cannot be read is sent all the same.
    private func facts(
        of source: DescriptorSource, name: [UInt8], modifiedAt: Int64
    ) -> Fields? {
        let time = Timestamp(milliseconds: modifiedAt / 1_000_000)
        let facts = try? QuickFacts.read(
            source, name: String(decoding: name, as: UTF8.self), fileTime: time)
        return facts?.fields
    }
}

/// An open file as Media reads it.
private struct DescriptorSource: ByteSource {
    let file: Descriptor
    let byteCount: Int64

    func read(at offset: Int64, count: Int) throws(MediaError) -> [UInt8] {
        do throws(DiskError) {
            return try bytes(at: offset, count: count)
        } catch {
            throw MediaError(.unreadable, "The file cannot be read: \(error.text).")
        }
    }

    func bytes(at offset: Int64, count: Int) throws(DiskError) -> [UInt8] {
        guard offset >= 0, offset < byteCount, count > 0 else { return [] }
        return try file.bytes(
            at: offset, byteCountMax: Int(min(Int64(count), byteCount - offset)))
    }
}
