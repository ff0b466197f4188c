/// What happens next: ordered by virtual time, then by the order of scheduling.
struct EventHeap<Element> {
    /// Numbers alone: they are moved often, and an element is not touched by it.
    private struct Entry {
        let time: Int64
        let serial: UInt64
        /// In `elements`.
        let slot: Int

        func isBefore(_ other: Entry) -> Bool {
            time == other.time ? serial < other.serial : time < other.time
        }
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
        rise(from: entries.count - 1)
    }

    mutating func removeFirst() -> (time: Int64, element: Element)? {
        guard let entry = entries.first, let element = elements[entry.slot] else { return nil }
        elements[entry.slot] = nil
        freeSlots.append(entry.slot)
        let first = (entry.time, element)
        let last = entries.removeLast()
        if !entries.isEmpty { sink(last) }
        return first
    }

    /// Puts what stands at `start` where it belongs among those before it.
    private mutating func rise(from start: Int) {
        entries.withUnsafeMutableBufferPointer { entries in
            let entry = entries[start]
            var hole = start
            while hole > 0 {
                let parent = (hole - 1) / 2
                guard entry.isBefore(entries[parent]) else { break }
                entries[hole] = entries[parent]
                hole = parent
            }
            entries[hole] = entry
        }
    }

    /// Puts `entry` in the place of the first.
    private mutating func sink(_ entry: Entry) {
        entries.withUnsafeMutableBufferPointer { entries in
            var hole = 0
            while true {
                var child = 2 * hole + 1
                guard child < entries.count else { break }
                if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) {
                    child += 1
                }
                guard entries[child].isBefore(entry) else { break }
                entries[hole] = entries[child]
                hole = child
            }
            entries[hole] = entry
        }
    }
}
