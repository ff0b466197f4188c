package import Records
package import Status

// The history of items: what rows of the present can't tell.

/// Whose history it is: an item's by the id that its bytes give it, or a place's while its bytes
/// are not known.
package enum StorySubject: Hashable, Sendable {
    case item(RecordID)
    case place(Place)
}

/// The part of `Rows` that keeps the journal.
///
/// It outlives restarts and stays small: `Limits.storyEventsPerItemMax` of each subject and
/// `Limits.storyEventsMax` in all, the latest of both.
package protocol StoriesRows: AnyObject {
    /// Adds what happened; the same once more right after is counted with the first.
    func note(
        _ event: String, _ detail: String, of subject: StorySubject, at time: Timestamp
    ) throws(RowsError)
    /// The oldest first.
    func history(of subject: StorySubject) throws(RowsError) -> [ItemStory.Event]

    /// All of them, ordered by key; at most `Limits.setAsideMax` are kept.
    func setAsides() throws(RowsError) -> [SetAside]
    func save(_ aside: SetAside) throws(RowsError)
    func removeSetAside(_ key: SetAside.Key) throws(RowsError)
}

/// The same in memory.
struct MemoryStories: Sendable {
    private struct Entry {
        let number: Int64
        var event: ItemStory.Event
    }

    private var entries: [StorySubject: [Entry]] = [:]
    /// In the order of their numbers.
    private var subjects = Queue<(number: Int64, subject: StorySubject)>()
    private var lastNumber: Int64 = 0
    var asides: [SetAside.Key: SetAside] = [:]

    mutating func note(
        _ event: String, _ detail: String, of subject: StorySubject, at time: Timestamp
    ) {
        var own = entries[subject] ?? []
        if let last = own.last?.event, last.event == event, last.detail == detail {
            own[own.count - 1].event = ItemStory.Event(
                at: last.at, event: event, detail: detail, times: last.times + 1, lastAt: time)
            entries[subject] = own
            return
        }
        lastNumber += 1
        own.append(
            Entry(
                number: lastNumber,
                event: ItemStory.Event(at: time, event: event, detail: detail)))
        if own.count > Limits.storyEventsPerItemMax { own.removeFirst() }
        entries[subject] = own
        subjects.append((lastNumber, subject))
        guard subjects.count > Limits.storyEventsMax, let oldest = subjects.popFirst() else {
            return
        }
        entries[oldest.subject]?.removeAll { $0.number == oldest.number }
        if entries[oldest.subject]?.isEmpty ?? false { entries[oldest.subject] = nil }
    }

    func history(of subject: StorySubject) -> [ItemStory.Event] {
        (entries[subject] ?? []).map(\.event)
    }
}

extension MemoryRows {
    package func note(
        _ event: String, _ detail: String, of subject: StorySubject, at time: Timestamp
    ) {
        current.stories.note(event, detail, of: subject, at: time)
    }

    package func history(of subject: StorySubject) -> [ItemStory.Event] {
        current.stories.history(of: subject)
    }

    package func setAsides() -> [SetAside] {
        current.stories.asides.values.sorted { $0.key < $1.key }
    }

    package func save(_ aside: SetAside) { current.stories.asides[aside.key] = aside }
    package func removeSetAside(_ key: SetAside.Key) { current.stories.asides[key] = nil }
}
