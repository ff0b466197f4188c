import Agent
import ArgumentParser
import Records
import Status

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

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Tell one item's story: where its copies are, how it is, why, and since when.")

    @Argument(help: "A file's path, or an item's id.")
    var item: String

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home = try DeviceContext.signedIn()
        guard let story = try await Self.story(of: item, home) else {
            throw Complaint(
                .incomplete, "unknownItem",
                "Nothing is known of \(item): it lies outside the library and its sources, or "
                    + "has not been seen yet.")
        }
        if output.json { return try Output.json(StoryJSON(story)) }
        for line in StoryText.lines(story) { Output.line(line) }
    }

    /// The running agent's own answer; without one, what the device's rows say.
    private static func story(of item: String, _ home: DeviceHome) async throws -> ItemStory? {
        for name in names(of: item) {
            let reply = await ControlClient(home).ask(.why, about: name)
            let story =
                if let reply { reply.story } else {
                    try DeviceDatabase(home).observedStory(of: name)
                }
            if let story { return story }
        }
        return nil
    }

    /// As it was written, below the working folder, and with its folder's links followed.
    static func names(of item: String) -> [String] {
        var names = [item]
        let absolute = DeviceHome.absolute(item)
        if absolute != item { names.insert(absolute, at: 0) }
        let (folder, name) = absolute.split(atLastSlash: true)
        if let real = folder.realPath, real != folder { names.append(real + "/" + name) }
        return names
    }
}

extension String {
    fileprivate func split(atLastSlash: Bool) -> (folder: String, name: String) {
        guard let slash = lastIndex(of: "/") else { return ("", self) }
        return (String(self[..<slash]), String(self[index(after: slash)...]))
    }

    /// With all links followed; `nil` when nothing is there.
    fileprivate var realPath: String? {
        guard let resolved = realpath(self, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// `martlet why --json`: every key is always there; what isn't known is null.
struct StoryJSON: Encodable {
    private let story: ItemStory

    init(_ story: ItemStory) { self.story = story }

    private enum CodingKeys: String, CodingKey {
        case item, name, path, state, reason, reasons, since, ahead, nextTry, copies, history
    }

    func encode(to encoder: any Encoder) throws {
        let status = story.status
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(status.item, forKey: .item)
        try container.encode(status.name, forKey: .name)
        try container.encode(story.path, forKey: .path)
        try container.encode(status.state, forKey: .state)
        try container.encode(status.reasons.first.map(ReasonJSON.init), forKey: .reason)
        try container.encode(status.reasons.map(ReasonJSON.init), forKey: .reasons)
        try container.encode(status.reasons.first?.since, forKey: .since)
        try container.encode(status.ahead, forKey: .ahead)
        try container.encode(status.nextTry, forKey: .nextTry)
        try container.encode(story.copies.map(CopyJSON.init), forKey: .copies)
        try container.encode(story.history, forKey: .history)
    }

    private struct CopyJSON: Encodable {
        let copy: ItemStory.Copy

        private enum CodingKeys: String, CodingKey { case `where`, role, verifiedAt }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(copy.where, forKey: .where)
            try container.encode(copy.role, forKey: .role)
            try container.encode(copy.verifiedAt, forKey: .verifiedAt)
        }
    }
}

/// A story as people read it, line by line.
enum StoryText {
    static func lines(_ story: ItemStory) -> [String] {
        let status = story.status
        var lines = ["\(status.name): \(word(for: status.state))"]
        if let item = status.item { lines.append("  Item \(item)") }
        for reason in status.reasons {
            lines.append("  \(reason.message) It clears when \(reason.clearsWhen).")
            lines.append("    Since \(time(reason.since))")
            if let fix = reason.fix { lines.append("    \(fix)") }
        }
        if let nextTry = status.nextTry { lines.append("  Next try: \(time(nextTry))") }
        if !story.copies.isEmpty { lines.append("  Copies:") }
        for copy in story.copies {
            let verified = copy.verifiedAt.map { ", read \(time($0))" } ?? ""
            lines.append("    \(copy.where) (\(copy.role)\(verified))")
        }
        if !story.history.isEmpty { lines.append("  History:") }
        for event in story.history {
            let times = event.times > 1 ? ", \(event.times) times, last \(time(event.lastAt))" : ""
            lines.append(
                "    \(time(event.at))  \(word(for: event.event)): \(event.detail)\(times)")
        }
        return lines
    }

    static func word(for state: ItemState) -> String {
        switch state {
        case .inSync: "in sync"
        case .onlyHere: "only on this device"
        case .onlyInCloud: "only in the cloud"
        case .waiting: "waiting"
        case .uploading: "uploading"
        case .downloading: "downloading"
        case .failed: "failed, and tried again"
        case .held: "held"
        case .recentlyDeleted: "deleted"
        case .notIncluded: "stays on this device"
        }
    }

    /// `sendingFailed` as `sending failed`: a newer version's codes read as well.
    static func word(for event: String) -> String {
        event.reduce(into: "") { text, character in
            text += character.isUppercase ? " " + character.lowercased() : String(character)
        }
    }

    static func time(_ time: Timestamp) -> String {
        let style = Date.ISO8601FormatStyle(timeZone: .gmt)
        return Date(timeIntervalSince1970: Double(time.milliseconds / 1_000)).formatted(style)
    }
}
