import Records
import Status

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A status that stays in its place on a terminal and changes there (`status --watch`).
package struct StatusView {
    private var shownRowCount = 0

    package init() {}

    /// What to write so that the lines stand where the earlier ones stood.
    ///
    /// Each line takes one row: what is longer than the terminal is wide ends in an ellipsis, and
    /// what does not fit its height is left out, so that nothing scrolls.
    package mutating func frame(_ lines: [String], columns: Int, rows: Int) -> String {
        var text = shownRowCount > 0 ? "\u{1B}[\(shownRowCount)A" : ""
        let room = max(1, rows - 1)
        var fitting = lines
        if lines.count > room {
            fitting = Array(lines.prefix(room - 1))
            fitting.append("… and \(lines.count - fitting.count) lines more")
        }
        for line in fitting {
            text += "\r" + Self.cut(EscapedText.line(line), to: columns) + "\u{1B}[K\n"
        }
        text += "\u{1B}[J"
        shownRowCount = fitting.count
        return text
    }

    private static func cut(_ line: String, to columns: Int) -> String {
        guard columns > 1, line.count >= columns else { return line }
        return line.prefix(columns - 2) + "…"
    }

    /// The terminal's size; 80 by 24 when it does not say.
    static var terminalSize: (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0
        else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
