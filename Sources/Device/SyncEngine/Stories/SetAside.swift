package import Records
import Status

// Items that broke their handler: set aside, with evidence, so that they never hold up another (P7)
// and never end the program again and again.

/// What happened to an item's handler; `Limits.handlerBreaksMax` times, and it is set aside.
package struct SetAside: Hashable, Sendable {
    package enum Key: Hashable, Sendable, Comparable {
        /// They were refused, alone, for the same cause.
        case bytes(Digest)
        /// Reading it ended the process.
        case file(Place)
    }

    package let key: Key
    /// Of a file: a changed one is tried again.
    package let stamp: FileStamp?
    package let name: String
    package let cause: String
    package var times: Int
    /// Of the first time.
    package let since: Timestamp
    /// Of Martlet: another one tries again.
    package let version: String

    package init(
        key: Key, stamp: FileStamp? = nil, name: String, cause: String, times: Int = 1,
        since: Timestamp, version: String
    ) {
        self.key = key
        self.stamp = stamp
        self.name = name
        self.cause = cause
        self.times = times
        self.since = since
        self.version = version
    }

    package var isSetAside: Bool { times >= Limits.handlerBreaksMax }

    var reason: Reason {
        Reason(
            .quarantined,
            ["name": name, "tries": times == 1 ? "once" : "\(times) times", "cause": cause],
            since: since)
    }
}

/// What is known of broken handlers; few, so all of it is in memory.
struct Asides: Sendable {
    private(set) var items: [SetAside.Key: SetAside] = [:]

    var isEmpty: Bool { items.isEmpty }

    /// Those that are set aside, ordered.
    var list: [SetAside] {
        items.isEmpty ? [] : items.values.filter(\.isSetAside).sorted { $0.key < $1.key }
    }

    subscript(key: SetAside.Key) -> SetAside? { items[key] }

    mutating func save(_ aside: SetAside) { items[aside.key] = aside }
    mutating func remove(_ key: SetAside.Key) { items[key] = nil }
}

extension SyncEngine {
    /// Another version of Martlet tries all of them again.
    mutating func loadAsides(_ rows: any Rows) throws(RowsError) {
        for aside in try rows.setAsides() {
            if aside.version == options.version {
                asides.save(aside)
            } else {
                try rows.removeSetAside(aside.key)
            }
        }
    }

    /// The user asks: they are tried once more.
    mutating func retryAsides(_ rows: any Rows) throws(RowsError) {
        for aside in asides.items.values.sorted(by: { $0.key < $1.key }) {
            try clear(aside.key, rows)
        }
        openPass.isNeeded = true
    }

    func isSetAside(_ digest: Digest) -> Bool { asides[.bytes(digest)]?.isSetAside ?? false }

    func isSetAside(_ file: LocalFile) -> Bool {
        guard let aside = asides[.file(file.place)] else { return false }
        return aside.isSetAside && aside.stamp == file.stamp
    }

    /// Its handler broke before: it is read while nothing else is, so that its next crash names it.
    func isSuspect(_ place: Place) -> Bool { asides[.file(place)] != nil }

    /// Bytes were refused, alone and for a cause of their own; `true`: they are set aside by now.
    mutating func refusedAlone(
        _ digest: Digest, _ cause: String, _ rows: any Rows
    ) throws(RowsError) -> Bool {
        guard let item = uploads.items[digest], item.attempts.tries >= 2 else { return false }
        let key = SetAside.Key.bytes(digest)
        var aside = SetAside(
            key: key, name: item.name, cause: cause, since: now.wall, version: options.version)
        if let known = asides[key], known.cause == cause {
            aside = known
            aside.times += 1
        }
        try keep(aside, rows)
        guard aside.isSetAside, asides[key] != nil else { return false }
        try note(StoryCode.setAside, cause, of: digest, rows)
        uploads.remove(digest)
        return true
    }

    /// The process ended while it read these files.
    mutating func readingCrashed(
        _ files: [CrashedReading], _ rows: any Rows
    ) throws(RowsError) {
        for file in files {
            let key = SetAside.Key.file(file.place)
            var aside = SetAside(
                key: key, stamp: file.stamp, name: path(file.place),
                cause: "reading it ended Martlet (\(file.cause))", since: now.wall,
                version: options.version)
            if let known = asides[key], known.stamp == file.stamp {
                aside = known
                aside.times += 1
            }
            try keep(aside, rows)
            try note(
                aside.isSetAside ? StoryCode.setAside : StoryCode.readingFailed, aside.cause,
                at: file.place, rows)
        }
    }

    private mutating func keep(_ aside: SetAside, _ rows: any Rows) throws(RowsError) {
        guard asides[aside.key] != nil || asides.items.count < Limits.setAsideMax else { return }
        asides.save(aside)
        try rows.save(aside)
    }

    mutating func clear(_ key: SetAside.Key, _ rows: any Rows) throws(RowsError) {
        guard asides[key] != nil else { return }
        asides.remove(key)
        try rows.removeSetAside(key)
    }
}

/// A file that was being read when the process crashed.
package struct CrashedReading: Hashable, Sendable {
    package let place: Place
    package let stamp: FileStamp
    /// For people: `signal 11`.
    package let cause: String

    package init(place: Place, stamp: FileStamp, cause: String) {
        self.place = place
        self.stamp = stamp
        self.cause = cause
    }
}
