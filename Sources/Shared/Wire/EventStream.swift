package import Records

/// One server-sent event (WHATWG HTML, section 9.2): state, not a log.
package struct ServerEvent: Hashable, Sendable, Codable {
    /// A zone's current head.
    package static let zoneName = "zone"

    package let zone: ZoneID
    package let epoch: Epoch
    package let head: Int64
    /// The head as a change token: one that a reader at the same number does not have proves that the
    /// server was put back meanwhile.
    ///
    /// Absent from an older server.
    package let token: ChangeToken?

    package init(zone: ZoneID, epoch: Epoch, head: Int64, token: ChangeToken? = nil) {
        self.zone = zone
        self.epoch = epoch
        self.head = head
        self.token = token
    }
}

/// That what the server answers to a report may be another by now: the account's space, requests, the
/// server's own condition.
///
/// State as well: the latest version only.
package struct NoticeEvent: Hashable, Sendable, Codable {
    package static let name = "notice"

    /// As in `StateReply.noticeVersion`: only to be compared with it.
    package let version: String

    package init(version: String) { self.version = version }
}

/// Splits an event stream into the data of its events, line by line.
///
/// Comments are skipped.
package struct EventStreamReader: Sendable {
    package struct Message: Hashable, Sendable {
        package let name: String
        package let data: String
    }

    package static let lineByteCountMax = 64 << 10

    private var line: [UInt8] = []
    private var name = ""
    private var data: [String] = []

    package init() {}

    /// Messages that became whole with `bytes`.
    ///
    /// An endless line is dropped.
    package mutating func read(_ bytes: some Sequence<UInt8>) -> [Message] {
        var messages: [Message] = []
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                if line.count < Self.lineByteCountMax { line.append(byte) }
                continue
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if let message = endLine() { messages.append(message) }
            line.removeAll(keepingCapacity: true)
        }
        return messages
    }

    private mutating func endLine() -> Message? {
        let text = String(decoding: line, as: UTF8.self)
        if text.isEmpty {
            defer { (name, data) = ("", []) }
            guard !data.isEmpty else { return nil }
            return Message(name: name, data: data.joined(separator: "\n"))
        }
        if let value = value(of: "event", in: text) { name = value }
        if let value = value(of: "data", in: text) { data.append(value) }
        return nil
    }

    private func value(of field: String, in text: String) -> String? {
        guard text.hasPrefix(field + ":") else { return nil }
        let value = text.dropFirst(field.count + 1)
        return String(value.first == " " ? value.dropFirst() : value)
    }
}
