import Agent
import Library
import Records
import SyncEngine
import TestSupport
import Testing

/// The journal over both kinds of rows.
@Suite struct StoryRowsTests {
    @Test func `the journal keeps the latest of each item, and the latest in all`() throws {
        let folder = try TemporaryFolder()
        let database = try DatabaseRows(path: folder.file("device.sqlite"))
        let memory = MemoryRows(settings: RowsWorld.settings, roots: [])
        var numbers = SeededNumbers(seed: 4)
        let subjects: [StorySubject] =
            (0..<40).map { .item(RecordID(high: $0, low: 7)) }
            + (0..<10).map { .place(Place(root: .library, path: RelativePath("a/\($0).jpg"))) }
        try database.transaction { () throws(RowsError) in
            for second in 0..<(Limits.storyEventsMax + 2_000) {
                let subject = numbers.one(of: subjects)
                let event = "event\(numbers.below(3))"
                let time = Timestamp(milliseconds: Int64(second))
                try database.note(event, "why", of: subject, at: time)
                memory.note(event, "why", of: subject, at: time)
            }
        }
        for subject in subjects {
            let kept = memory.history(of: subject)
            #expect(kept.count == Limits.storyEventsPerItemMax)
            #expect(try database.history(of: subject) == kept)
        }
        // Everything that is not told of again goes, in time.
        let first = subjects[0]
        try database.transaction { () throws(RowsError) in
            for number in 0..<(Limits.storyEventsMax + 1) {
                let subject = StorySubject.item(RecordID(high: 99, low: UInt64(number)))
                try database.note("event", "why", of: subject, at: Timestamp(milliseconds: 1))
                memory.note("event", "why", of: subject, at: Timestamp(milliseconds: 1))
            }
        }
        #expect(memory.history(of: first).isEmpty)
        #expect(try database.history(of: first).isEmpty)
    }

    @Test func `what was set aside is kept alike`() throws {
        let folder = try TemporaryFolder()
        let database = try DatabaseRows(path: folder.file("device.sqlite"))
        let memory = MemoryRows(settings: RowsWorld.settings, roots: [])
        let place = Place(root: RootID(rawValue: 3), path: RelativePath(bytes: [0x61, 0xFF]))
        let stamp = FileStamp(inode: .max, byteCount: 1, modifiedAt: -2, changedAt: 3)
        var asides = [
            SetAside(
                key: .file(place), stamp: stamp, name: "a", cause: "signal 4",
                since: Timestamp(milliseconds: 5), version: "1.2"),
            SetAside(
                key: .bytes(Digest(of: [1])), name: "b", cause: "odd", times: 2,
                since: Timestamp(milliseconds: 6), version: "1.2"),
            SetAside(
                key: .bytes(Digest(of: [2])), name: "c", cause: "odd", times: 7,
                since: Timestamp(milliseconds: 7), version: "1.3"),
        ]
        func compare() throws {
            #expect(try database.setAsides() == asides.sorted { $0.key < $1.key })
            #expect(memory.setAsides() == asides.sorted { $0.key < $1.key })
        }
        try database.transaction { () throws(RowsError) in
            for aside in asides {
                try database.save(aside)
                memory.save(aside)
            }
        }
        try compare()
        asides[0].times = 9
        try database.transaction { () throws(RowsError) in
            try database.save(asides[0])
            memory.save(asides[0])
            let gone = asides.removeLast()
            try database.removeSetAside(gone.key)
            memory.removeSetAside(gone.key)
        }
        try compare()
    }
}
