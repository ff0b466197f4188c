/// A queue that gives its smallest element first: equal runs give equal orders, which a set or a
/// dictionary would not.
struct Heap<Element: Comparable & Sendable>: Sendable {
    /// In no order, for counting.
    private(set) var elements: [Element] = []

    var isEmpty: Bool { elements.isEmpty }
    var count: Int { elements.count }
    var first: Element? { elements.first }

    mutating func push(_ element: Element) {
        elements.append(element)
        var child = elements.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard elements[child] < elements[parent] else { return }
            elements.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop() -> Element? {
        guard let last = elements.popLast() else { return nil }
        guard let first = elements.first else { return last }
        elements[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < elements.count && elements[child] < elements[least] {
                least = child
            }
            guard least != parent else { return first }
            elements.swapAt(least, parent)
            parent = least
        }
    }

    mutating func removeAll() { elements.removeAll() }
}

/// First in, first out.
struct Queue<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var start = 0

    var isEmpty: Bool { start == elements.count }
    var count: Int { elements.count - start }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard start < elements.count else { return nil }
        let element = elements[start]
        start += 1
        if start > 1_024, start * 2 > elements.count {
            elements.removeFirst(start)
            start = 0
        }
        return element
    }

    mutating func removeAll() {
        elements.removeAll()
        start = 0
    }
}

/// Something that comes due.
struct Due<Subject: Comparable & Sendable>: Comparable, Sendable {
    /// Uptime in milliseconds.
    let at: Int64
    let subject: Subject

    static func < (left: Self, right: Self) -> Bool {
        (left.at, left.subject) < (right.at, right.subject)
    }
}

/// Something whose turn comes by a number, the lowest first.
struct Ticket<Subject: Comparable & Sendable>: Comparable, Sendable {
    let order: Int64
    let subject: Subject

    static func < (left: Self, right: Self) -> Bool {
        (left.order, left.subject) < (right.order, right.subject)
    }
}
