import Library
import Records
package import SyncEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Which files are being read now, in a file of its own, so that a crash can be laid at their door.
///
/// A reader that meets a file that it cannot bear may end the whole process, and the next one would
/// read that file again. Only signals of a crash count: a process that was killed, or a machine that
/// lost power, accuses nobody. The file is `reading` in MARTLET_HOME (Documentation/formats.md):
/// a byte with the signal, then from byte 8,192 on a slot of 8,192 bytes for each reader. Nothing
/// of it is synced: what a process wrote outlives its crash in the system's memory.
package final class ReadingMarks: Sendable {
    private static let slotByteCount = 8_192
    private static let headerByteCount = 43

    private let file: Descriptor
    private let free: Mutex<[Int]>
    /// What the last process was reading when it crashed.
    package let crashed: [CrashedReading]

    /// `nil` when the file cannot be had: then crashes accuse nobody.
    package init?(path: String, readerCount: Int = Limits.hashesAtOnce) {
        let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard number >= 0 else { return nil }
        file = Descriptor(number)
        crashed = Self.crashes(in: file)
        guard ftruncate(number, 0) == 0 else { return nil }
        free = Mutex(Array(0..<readerCount))
        CrashSignals.note(into: number)
    }

    deinit { CrashSignals.forget(file.number) }

    /// Does the reading between two notes.
    package func noting<R>(_ place: Place, _ stamp: FileStamp, _ body: () -> R) -> R {
        guard let slot = free.withLock({ $0.popLast() }) else { return body() }
        write(Self.text(place, stamp), slot)
        defer {
            write([0], slot)
            free.withLock { $0.append(slot) }
        }
        return body()
    }

    private func write(_ bytes: [UInt8], _ slot: Int) {
        let offset = off_t((slot + 1) * Self.slotByteCount)
        _ = bytes.withUnsafeBytes { pwrite(file.number, $0.baseAddress, $0.count, offset) }
    }

    /// 1; the root's number, inode, bytes, modifiedAt and changedAt in eight bytes each, the path's
    /// length in two, most significant first; the path.
    private static func text(_ place: Place, _ stamp: FileStamp) -> [UInt8] {
        let path = place.path.bytes.prefix(slotByteCount - headerByteCount)
        let numbers = [
            UInt64(bitPattern: place.root.rawValue), stamp.inode,
            UInt64(bitPattern: stamp.byteCount), UInt64(bitPattern: stamp.modifiedAt),
            UInt64(bitPattern: stamp.changedAt),
        ]
        return [1] + numbers.flatMap { Hexadecimal.bytes(of: $0) }
            + [UInt8(path.count >> 8), UInt8(path.count & 0xFF)] + path
    }

    private static func crashes(in file: Descriptor) -> [CrashedReading] {
        guard let signal = bytes(of: file, at: 0, count: 1)?.first, signal != 0 else { return [] }
        var crashes: [CrashedReading] = []
        var offset = slotByteCount
        while let slot = bytes(of: file, at: offset, count: slotByteCount) {
            offset += slotByteCount
            if let crash = crash(slot, signal: signal) { crashes.append(crash) }
        }
        return crashes
    }

    private static func crash(_ slot: [UInt8], signal: UInt8) -> CrashedReading? {
        guard slot.count >= headerByteCount, slot[0] == 1 else { return nil }
        let numbers = (0..<5).map { index in
            slot[(1 + index * 8)..<(9 + index * 8)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        let length = Int(slot[41]) << 8 | Int(slot[42])
        guard length > 0, slot.count >= headerByteCount + length else { return nil }
        let path = RelativePath(bytes: Array(slot[headerByteCount..<(headerByteCount + length)]))
        let stamp = FileStamp(
            inode: numbers[1], byteCount: Int64(bitPattern: numbers[2]),
            modifiedAt: Int64(bitPattern: numbers[3]), changedAt: Int64(bitPattern: numbers[4]))
        return CrashedReading(
            place: Place(root: RootID(rawValue: Int64(bitPattern: numbers[0])), path: path),
            stamp: stamp, cause: "signal \(signal)")
    }

    /// Up to `count` bytes; `nil` at the end.
    private static func bytes(of file: Descriptor, at offset: Int, count: Int) -> [UInt8]? {
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, pread(file.number, buffer.baseAddress, count, off_t(offset)))
        }
        return bytes.isEmpty ? nil : bytes
    }
}

/// Notes the signal of a crash, then lets the process end as it would have.
private enum CrashSignals {
    private static let numbers = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT]
    private static let descriptor = Atomic<Int32>(-1)

    static func note(into number: Int32) {
        descriptor.store(number, ordering: .relaxed)
        for number in numbers {
            // Only what a signal handler may do: one system call, then the default.
            signal(number) { number in
                var byte = UInt8(truncatingIfNeeded: number)
                _ = pwrite(CrashSignals.descriptor.load(ordering: .relaxed), &byte, 1, 0)
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }

    static func forget(_ number: Int32) {
        _ = descriptor.compareExchange(expected: number, desired: -1, ordering: .relaxed)
    }
}
