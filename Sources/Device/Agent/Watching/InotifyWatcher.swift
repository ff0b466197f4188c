#if os(Linux)
import Library
import SyncEngine
import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Linux' inotify(7): one descriptor, a watch for each folder.
///
/// A file is told of once it is closed after writing or moved into its place, so that nobody reads
/// it half.
final class InotifyWatcher: FolderWatcher {
    private struct Watches {
        var folders: [Int32: Folder] = [:]
        /// The limit that the last folder could not be watched under.
        var limitReached: Int?
    }

    private let descriptor: Descriptor
    private let loop = Mutex<ReadLoop?>(nil)
    private let watches = Mutex(Watches())
    private let post: @Sendable (Event) -> Void
    /// Called once, when the system has no watch left to give (fs.inotify.max_user_watches).
    private let exhausted: @Sendable () -> Void
    /// `nil`: what the system says.
    private let limit: @Sendable () -> Int?

    /// `nil` when the system gives no descriptor.
    init?(
        post: @escaping @Sendable (Event) -> Void, limit: @escaping @Sendable () -> Int?,
        exhausted: @escaping @Sendable () -> Void
    ) {
        let number = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard number >= 0 else { return nil }
        descriptor = Descriptor(number)
        self.post = post
        self.exhausted = exhausted
        self.limit = limit
        guard
            let loop = ReadLoop(
                descriptor, label: "martlet.watcher", readable: { [weak self] in self?.drain() })
        else { return nil }
        self.loop.withLock { $0 = loop }
    }

    func watch(_ folder: Folder, path: [UInt8]) {
        let events =
            UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM)
            | UInt32(IN_DELETE) | UInt32(IN_CREATE) | UInt32(IN_MOVE_SELF) | UInt32(IN_ONLYDIR)
            | UInt32(IN_DONT_FOLLOW)
        let own = limit()
        let isFirstFailure = watches.withLock { watches in
            if let own, watches.folders.count >= own {
                defer { watches.limitReached = own }
                return watches.limitReached == nil
            }
            let number = withName(path) { inotify_add_watch(descriptor.number, $0, events) }
            if number >= 0 {
                watches.folders[number] = folder
                return false
            }
            guard errno == ENOSPC, watches.limitReached == nil else { return false }
            watches.limitReached = own ?? Self.systemLimit
            return true
        }
        if isFirstFailure { exhausted() }
    }

    var limitReached: Int? {
        let limit = limit() ?? Self.systemLimit
        return watches.withLock { watches in
            if let reached = watches.limitReached, limit > reached { watches.limitReached = nil }
            return watches.limitReached
        }
    }

    private static var systemLimit: Int {
        let path = Array("/proc/sys/fs/inotify/max_user_watches".utf8)
        let bytes = withName(path) { name in
            let number = open(name, O_RDONLY | O_CLOEXEC)
            guard number >= 0 else { return [UInt8]() }
            return (try? Descriptor(number).bytes(at: 0, byteCountMax: 32)) ?? []
        }
        return Int(String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)) ?? 0
    }

    func stop() { loop.withLock { $0 }?.stop() }

    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes {
                read(descriptor.number, $0.baseAddress, $0.count)
            }
            guard count > 0 else { return }
            buffer.withUnsafeBytes { handle(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    /// Each event: watch, mask, cookie and length (4 bytes each), then the padded name.
    private func handle(_ bytes: UnsafeRawBufferPointer) {
        let headerByteCount = MemoryLayout<inotify_event>.size
        var position = 0
        while bytes.count - position >= headerByteCount {
            let number = bytes.loadUnaligned(fromByteOffset: position, as: Int32.self)
            let mask = bytes.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self)
            let length = Int(bytes.loadUnaligned(fromByteOffset: position + 12, as: UInt32.self))
            position += headerByteCount
            guard length <= bytes.count - position else { return }
            let name = Array(bytes[position..<position + length].prefix { $0 != 0 })
            position += length
            tell(of: mask, name: name, in: number)
        }
    }

    private func tell(of mask: UInt32, name: [UInt8], in number: Int32) {
        func has(_ event: Int) -> Bool { mask & UInt32(event) != 0 }
        // IN_ISDIR is the one constant that does not fit a signed C int.
        let isFolder = mask & 0x4000_0000 != 0
        if has(Int(IN_Q_OVERFLOW)) { return post(.watchOverflowed) }
        let folder = watches.withLock { watches -> Folder? in
            has(Int(IN_IGNORED))
                ? watches.folders.removeValue(forKey: number) : watches.folders[number]
        }
        // Its disk is gone, or the folder, or has another name: whoever lies above may not be watched.
        if let folder, has(Int(IN_IGNORED)) || has(Int(IN_MOVE_SELF)), folder.path == .root {
            return post(.folderChanged(folder))
        }
        guard let folder, !has(Int(IN_IGNORED)), !name.isEmpty else { return }
        let path = folder.path.appending(name)
        if isFolder {
            let appeared = has(Int(IN_CREATE)) || has(Int(IN_MOVED_TO))
            post(.folderChanged(appeared ? Folder(root: folder.root, path: path) : folder))
        } else if has(Int(IN_CLOSE_WRITE)) || has(Int(IN_MOVED_TO)) || has(Int(IN_MOVED_FROM))
            || has(Int(IN_DELETE))
        {
            post(.placeChanged(Place(root: folder.root, path: path)))
        } else if has(Int(IN_CREATE)) {
            // A second link to a whole file is never closed after writing; its stamp settles it.
            post(.placeChanged(Place(root: folder.root, path: path)))
        }
    }
}
#endif
