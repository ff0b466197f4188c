import Records
import Status

/// A line every other second of how far a copy is.
struct CopyingLine {
    let isQuiet: Bool
    private var last: ContinuousClock.Instant?

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    /// `count` of 0: nobody knows it.
    mutating func show(_ done: Int, of count: Int, _ things: String, _ byteCount: Int64) {
        let total = count > 0 ? " of \(count)" : ""
        show("\(done)\(total) \(things), \(EvidenceText.bytes(byteCount)) copied")
    }

    mutating func show(_ text: @autoclosure () -> String) {
        let now = ContinuousClock().now
        let spacing = Duration.milliseconds(Limits.plainProgressMilliseconds)
        guard !isQuiet, last.map({ now - $0 >= spacing }) ?? true else { return }
        last = now
        Output.line(text())
    }
}
