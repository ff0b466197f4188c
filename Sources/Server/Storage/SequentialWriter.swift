import Records

/// Writes a file from some offset on, in order.
///
/// Large files go past the page cache: copying what nobody reads soon into it costs more than the
/// disk itself, and pushes out what is read. Their beginning, up to `directFrom`, goes through it,
/// so that small files stay at hand for the thumbnail that is made next. Every call blocks.
struct SequentialWriter {
    private static let alignment = 4_096

    private let file: OpenFile
    private let directFrom: Int64
    /// Where the next byte is written.
    private var written: Int64
    private var writtenBack: Int64
    /// There while the file is written past the page cache; its bytes come after `written`.
    private var buffer: AlignedBuffer?
    private var hasTriedDirect = false

    init(_ file: OpenFile, offset: Int64 = 0, directFrom: Int64 = Limits.cachedObjectByteCount) {
        self.file = file
        let alignment = Int64(Self.alignment)
        self.directFrom = (max(offset, directFrom) + alignment - 1) / alignment * alignment
        written = offset
        writtenBack = offset
    }

    /// The offset after the last byte that was given.
    var end: Int64 { written + Int64(buffer?.count ?? 0) }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = if let buffer { try fill(buffer, from: rest) } else { try write(rest) }
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Writes what is left of the last step.
    ///
    /// Syncing is the caller's.
    mutating func finish() throws(StorageError) {
        guard let buffer else { return }
        try leaveDirect(buffer)
    }

    /// Through the page cache, up to the offset from which it is left out.
    private mutating func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) -> Int {
        let room = hasTriedDirect ? bytes.count : Int(clamping: directFrom - written)
        let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(room))
        try file.write(part, at: written)
        written += Int64(part.count)
        writtenBack = file.writeBack(from: writtenBack, to: written)
        if !hasTriedDirect, written == directFrom {
            hasTriedDirect = true
            if file.setDirect(true) {
                buffer = AlignedBuffer(
                    capacity: Limits.streamStepByteCount, alignment: Self.alignment)
            }
        }
        return part.count
    }

    private mutating func fill(
        _ buffer: AlignedBuffer, from bytes: UnsafeRawBufferPointer
    ) throws(StorageError) -> Int {
        let count = buffer.take(bytes)
        guard buffer.isFull else { return count }
        do {
            try file.write(buffer.bytes, at: written)
            written += Int64(buffer.count)
            buffer.clear()
        } catch {
            // Some file systems take the flag and refuse the write. If the disk is full or broken,
            // the same write through the cache says so.
            try leaveDirect(buffer)
        }
        return count
    }

    private mutating func leaveDirect(_ buffer: AlignedBuffer) throws(StorageError) {
        _ = file.setDirect(false)
        self.buffer = nil
        try file.write(buffer.bytes, at: written)
        written += Int64(buffer.count)
    }
}

/// Memory at an address that a disk can take bytes from by itself.
private final class AlignedBuffer {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(capacity: Int, alignment: Int) {
        memory = .allocate(byteCount: capacity, alignment: alignment)
    }

    deinit { memory.deallocate() }

    var isFull: Bool { count == memory.count }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    /// Copies as many as fit, and returns how many.
    func take(_ bytes: UnsafeRawBufferPointer) -> Int {
        let part = UnsafeRawBufferPointer(rebasing: bytes.prefix(memory.count - count))
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: part)
        count += part.count
        return part.count
    }

    func clear() { count = 0 }
}
