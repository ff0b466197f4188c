import ArgumentParser
import Synchronization

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Every command has it.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON, for programs.")
    var json = false
}

/// What people and programs read.
package enum Output {
    /// One line on standard output, with what could harm a terminal escaped.
    static func line(_ text: String) { write(EscapedText.line(text) + "\n", to: STDOUT_FILENO) }

    /// One line on standard error.
    static func complain(_ text: String) {
        write(EscapedText.line(text) + "\n", to: STDERR_FILENO)
    }

    /// As it is: for text that this program has made itself.
    static func raw(_ text: String) { write(text, to: STDOUT_FILENO) }

    static func json(_ value: some Encodable) throws { raw(try jsonText(value) + "\n") }

    /// A list: one value for programs, for people a line or more for each item, or what is said of
    /// an empty one.
    static func list<Item: Encodable>(
        _ items: [Item], _ options: OutputOptions, empty: String, lines: (Item) -> [String]
    ) throws {
        if options.json { return try json(items) }
        if items.isEmpty { line(empty) }
        for item in items { lines(item).forEach(line) }
    }

    static func jsonText(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// A reader that went away (a closed pipe) is no error of ours.
    private static func write(_ text: String, to file: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var done = 0
            while done < bytes.count, let start = bytes.baseAddress {
                let count = systemWrite(file, start + done, bytes.count - done)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                done += count
            }
        }
    }
}

private func systemWrite(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(file, bytes, count)
}

/// Names come from anywhere: none may move the cursor, change colours or pretend to be a line.
package enum EscapedText {
    /// One line: control and direction characters are written as `\u{…}`, `\n` and `\t`.
    package static func line(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHarmful) else { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": escaped += "\\n"
            case "\t": escaped += "\\t"
            case "\r": escaped += "\\r"
            case _ where isHarmful(scalar):
                escaped += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x2028...0x202E, 0x2066...0x2069, 0x200E...0x200F: true
        default: false
        }
    }
}
