import Synchronization

/// A stream of numbers from a seed (SplitMix64, Steele and others 2014): the same on every machine.
package struct RandomStream: Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// Streams of one seed with different names share nothing, so that a new draw in one leaves the
    /// others as they were.
    init(seed: UInt64, name: StaticString) {
        var mixed = seed &* 0x9E37_79B9_7F4A_7C15
        name.withUTF8Buffer { bytes in
            for byte in bytes { mixed = (mixed ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        state = Self.mix(mixed)
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 ..< `bound`; the bias of the remainder is far below what a simulation could notice.
    mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "There is no number below \(bound).")
        return Int(next() % UInt64(bound))
    }

    mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(below(Int(range.upperBound - range.lowerBound + 1)))
    }

    /// True once in `count` times.
    mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[below(elements.count)]
    }

    mutating func shuffle<Element>(_ elements: inout [Element]) {
        for index in stride(from: elements.count - 1, to: 0, by: -1) {
            elements.swapAt(index, below(index + 1))
        }
    }

    /// The place of a drawn weight; weights are 0 or more, not all 0.
    mutating func weighted(_ weights: [Int]) -> Int {
        var drawn = below(weights.reduce(0, +))
        for (index, weight) in weights.enumerated() {
            if drawn < weight { return index }
            drawn -= weight
        }
        return weights.count - 1
    }
}

/// A stream behind the engine's and the kernel's seam for randomness.
final class SharedRandomStream: Sendable {
    private let stream: Mutex<RandomStream>

    init(_ stream: RandomStream) { self.stream = Mutex(stream) }

    func next() -> UInt64 { stream.withLock { $0.next() } }
}
