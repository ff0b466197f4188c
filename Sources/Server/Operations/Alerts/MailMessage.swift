import Records
import Status

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An alert as mail (RFC 5322), lines ending with CR LF.
///
/// Nothing that is written in it can begin a header of its own: addresses are validated, the subject
/// is one line, encoded when it is not plain, and the text is base64.
struct MailMessage: Sendable {
    let text: String

    init(_ message: AlertMessage, from sender: MailAddress, to recipients: [MailAddress]) {
        let domain = sender.text.split(separator: "@").last.map(String.init) ?? "localhost"
        let headers = [
            "Date: \(Self.date(message.sentAt))",
            "From: Martlet <\(sender.text)>",
            "To: \(recipients.map(\.text).joined(separator: ",\r\n "))",
            "Subject: \(Self.encoded(message.subject))",
            "Message-ID: <\(message.id)@\(domain)>",
            "Auto-Submitted: auto-generated",
            "X-Martlet-Delivery: \(message.id)",
            "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
        ]
        text = (headers + ["", Self.base64(message.text)]).joined(separator: "\r\n") + "\r\n"
    }

    /// No line of base64 begins with a dot, so that none needs another (RFC 5321, section 4.5.2).
    private static func base64(_ text: String) -> String {
        let letters = Array(Data(text.utf8).base64EncodedString())
        return stride(from: 0, to: letters.count, by: 76).map { start in
            String(letters[start..<min(start + 76, letters.count)])
        }.joined(separator: "\r\n")
    }

    /// As words of RFC 2047, each within a line, when it is not plain ASCII.
    static func encoded(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !text.contains("=?")
        guard !isPlain || text.utf8.count > 70 else { return text }
        var words: [[UInt8]] = [[]]
        for character in text {
            let bytes = Array(character.utf8)
            if (words.last?.count ?? 0) + bytes.count > 42 { words.append([]) }
            words[words.count - 1] += bytes
        }
        return words.map { "=?utf-8?B?\(Data($0).base64EncodedString())?=" }
            .joined(separator: "\r\n ")
    }

    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 22 Nov 2026 10:05:00 +0000`.
    static func date(_ time: Timestamp) -> String {
        let seconds = max(0, time.milliseconds / 1_000)
        let day = EvidenceText.day(time).split(separator: "-").map(String.init)
        let clock = [seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60]
            .map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
        let month = day.count == 3 ? months[max(0, min(11, (Int(day[1]) ?? 1) - 1))] : "Jan"
        return "\(weekdays[Int(seconds / 86_400 % 7)]), \(day.last ?? "01") \(month) "
            + "\(day.first ?? "1970") \(clock) +0000"
    }
}
