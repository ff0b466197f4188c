import Agent
import Library
import Records
import SyncEngine
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Events in the order in which they came.
private final class Seen: Sendable {
    private let events = Mutex<[String]>([])

    func add(_ event: Event) {
        let text =
            switch event {
            case .placeChanged(let place): "place \(place.path)"
            case .folderChanged(let folder): "folder \(folder.path)"
            case .watchOverflowed: "overflow"
            default: "other"
            }
        events.withLock { $0.append(text) }
    }

    func has(_ text: String) async throws -> Bool {
        for _ in 0..<500 {
            if events.withLock({ $0.contains(text) }) { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    var all: [String] { events.withLock { $0 } }
}

@Suite struct WatchingTests {
    private static func never(_: Duration) async throws { throw CancellationError() }

    #if os(Linux)
    @Test(.timeLimit(.minutes(1)))
    func `files and folders that come, change and go are told of`() async throws {
        let (folder, seen) = (try TemporaryFolder(), Seen())
        let watcher = Watching.begin(sleep: Self.never, post: { seen.add($0) })
        folder.makeFolder("sub")
        watcher.watch(
            Folder(root: .library, path: RelativePath("sub")), path: Array(folder.file("sub").utf8))
        // A watch of a folder that is not there is no more than that.
        watcher.watch(
            Folder(root: .library, path: RelativePath("gone")), path: Array("/gone".utf8))
        try folder.write("sub/new.jpg", [1, 2])
        #expect(try await seen.has("place sub/new.jpg"))
        rename(folder.file("sub/new.jpg"), folder.file("sub/moved.jpg"))
        #expect(try await seen.has("place sub/moved.jpg"))
        unlink(folder.file("sub/moved.jpg"))
        folder.makeFolder("sub/deep")
        #expect(try await seen.has("folder sub/deep"))
        rmdir(folder.file("sub/deep"))
        #expect(try await seen.has("folder sub"))
        watcher.stop()
    }

    @Test(.timeLimit(.minutes(1)))
    func `a name that is no text is told of by its bytes`() async throws {
        let folder = try TemporaryFolder()
        let place = Mutex<Place?>(nil)
        let watcher = Watching.begin(sleep: Self.never) { event in
            if case .placeChanged(let seen) = event { place.withLock { $0 = seen } }
        }
        watcher.watch(Folder(root: .library, path: .root), path: Array(folder.path.utf8))
        try folder.write([0x61, 0xFF], [1])
        for _ in 0..<500 where place.withLock({ $0 }) == nil {
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(place.withLock { $0?.path.bytes } == [0x61, 0xFF])
        watcher.stop()
    }
    #endif

    @Test func `a mailbox gives what came together, in order, and ends when it is closed`() async {
        let mailbox = Mailbox()
        mailbox.post(.started)
        mailbox.post(.watchOverflowed)
        #expect(await mailbox.next()?.count == 2)
        let waiting = Task { await mailbox.next()?.count }
        mailbox.post(.watchOverflowed)
        #expect(await waiting.value == 1)
        mailbox.post(.started)
        mailbox.close()
        mailbox.post(.started)
        #expect(await mailbox.next()?.count == 1)
        #expect(await mailbox.next() == nil)
    }
}
