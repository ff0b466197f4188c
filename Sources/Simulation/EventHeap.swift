/// What happens next: ordered by virtual time, then by the order of scheduling.
struct EventHeap<Element> {
    /// Numbers alone: they are moved often, and an element is not touched by it.
    private struct Entry {
        let time: Int64
        let serial: UInt64
        /// In `elements`.
        let slot: Int
    }

    private var entries: [Entry] = []
    private var elements: [Element?] = []
    private var freeSlots: [Int] = []
    private var serial: UInt64 = 0

    var count: Int { entries.count }
    var nextTime: Int64? { entries.first?.time }

    mutating func add(_ element: Element, at time: Int64) {
        let slot = freeSlots.popLast() ?? elements.count
        if slot == elements.count { elements.append(element) } else { elements[slot] = element }
        entries.append(Entry(time: time, serial: serial, slot: slot))
        serial += 1
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard isBefore(child, parent) else { return }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() -> (time: Int64, element: Element)? {
        guard let entry = entries.first, let element = elements[entry.slot] else { return nil }
        elements[entry.slot] = nil
        freeSlots.append(entry.slot)
        let first = (entry.time, element)
        entries.swapAt(0, entries.count - 1)
        entries.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && isBefore(child, least) {
                least = child
            }
            guard least != parent else { return first }
            entries.swapAt(parent, least)
            parent = least
        }
    }

    private func isBefore(_ one: Int, _ other: Int) -> Bool {
        entries.withUnsafeBufferPointer { entries in
            (entries[one].time, entries[one].serial) < (entries[other].time, entries[other].serial)
        }
    }
}
