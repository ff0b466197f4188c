import Library
import Records
import Status

// Reading files to their end: what they are, and their digests.

struct Reading: Sendable {
    /// Small ones first.
    var queue = Heap<Ticket<Place>>()
    var queued: Set<Place> = []
    var inFlight: [Place: FileStamp] = [:]
    var byteCountInFlight: Int64 = 0
    /// Of large ones, so far.
    var progress: [Place: Int64] = [:]
    /// Seen anew while it was being read.
    var again: Set<Place> = []
    /// Of the library: queued or being read.
    var libraryCount = 0

    /// Written a moment ago: looked at again when due.
    var settling = Heap<Due<Place>>()
    var settlers: [Place: Settling] = [:]
    /// Those of `settlers` and of failed readings, ordered by place, for the status.
    var troubles: [ReadingTrouble] = []

    struct Settling: Sendable {
        var tries: Int
        let since: Timestamp
    }

    var isIdle: Bool { queue.isEmpty && inFlight.isEmpty && settling.isEmpty }
    var isBusy: Bool { !queue.isEmpty || !inFlight.isEmpty }
}

/// A file that could not be read, or is being written.
struct ReadingTrouble: Sendable {
    let place: Place
    /// `nil`: it is being written.
    let error: DiskError?
    let since: Timestamp
}

extension SyncEngine {
    mutating func settleOrRead(_ place: Place, _ stamp: FileStamp, _ sighting: Sighting) {
        let age = now.wall.milliseconds - stamp.modifiedAt / 1_000_000
        if !sighting.event, (0..<Limits.settleMilliseconds).contains(age) {
            settle(place, milliseconds: Limits.settleMilliseconds - age)
        } else {
            enqueueReading(place, stamp.byteCount, urgent: sighting.event)
        }
    }

    /// Looks at the file again later; it is being written.
    private mutating func settle(_ place: Place, milliseconds: Int64) {
        var settling = reading.settlers[place] ?? Reading.Settling(tries: 0, since: now.wall)
        settling.tries += 1
        reading.settlers[place] = settling
        noteTrouble(at: place, nil, since: settling.since)
        guard !options.once || settling.tries <= Limits.settleTriesMax else { return }
        reading.settling.push(Due(at: now.uptime + milliseconds, subject: place))
    }

    mutating func takeSettled() {
        while let first = reading.settling.first, first.at <= now.uptime {
            _ = reading.settling.pop()
            if reading.settlers[first.subject] != nil { examine(first.subject) }
        }
    }

    mutating func enqueueReading(_ place: Place, _ byteCount: Int64, urgent: Bool = false) {
        if reading.inFlight[place] != nil {
            reading.again.insert(place)
            return
        }
        guard reading.queue.count < Limits.openItemsMax || urgent else {
            openPass.isNeeded = true
            return
        }
        guard reading.queued.insert(place).inserted else { return }
        if place.root.isLibrary { reading.libraryCount += 1 }
        reading.queue.push(Ticket(order: urgent ? -1 : byteCount, subject: place))
    }

    mutating func advanceReading(_ rows: any Rows) throws(RowsError) {
        guard uploads.items.count < Limits.openItemsMax else { return }
        while let next = reading.queue.first, canRead(max(next.order, 0)) {
            _ = reading.queue.pop()
            let place = next.subject
            reading.queued.remove(place)
            let isOpen: Bool
            let row = try rows.localFile(at: place)
            switch row?.state {
            case .unread, .unreadable: isOpen = !(place.root.isLibrary && !library.isUsable)
            case .read, .sidecar, .notIncluded, nil: isOpen = false
            }
            guard let row, isOpen, !isSetAside(row) else {
                if place.root.isLibrary { reading.libraryCount -= 1 }
                continue
            }
            reading.inFlight[place] = row.stamp
            reading.byteCountInFlight += row.stamp.byteCount
            effects.append(.readFile(place, row.stamp))
        }
    }

    /// Large files are read `hashesAtOnce` at a time; small ones are asked for ahead, so that
    /// readers never wait for a round trip.
    private func canRead(_ byteCount: Int64) -> Bool {
        if !asides.isEmpty, let next = reading.queue.first?.subject {
            let underWay = reading.inFlight.keys
            if underWay.contains(where: isSuspect) { return false }
            if isSuspect(next), !underWay.isEmpty { return false }
        }
        if reading.inFlight.count < Limits.hashesAtOnce { return true }
        return reading.inFlight.count < Limits.readsAheadMax
            && reading.byteCountInFlight + byteCount <= Limits.readAheadByteCountMax
    }

    mutating func fileRead(
        _ place: Place, _ result: FileReadResult, _ rows: any Rows
    ) throws(RowsError) {
        guard let asked = reading.inFlight.removeValue(forKey: place) else { return }
        reading.byteCountInFlight -= asked.byteCount
        reading.progress[place] = nil
        if place.root.isLibrary { reading.libraryCount -= 1 }
        let isAgain = reading.again.remove(place) != nil
        guard var row = try rows.localFile(at: place) else { return }
        guard row.stamp == asked else {
            if isAgain { enqueueReading(place, row.stamp.byteCount) }
            return
        }
        switch result {
        case .media(let content) where content.stamp == asked:
            row.state =
                try isSuspicious(content, row.agreed, rows)
                ? .notIncluded(code: ReasonCode.suspiciousChange.rawValue) : .read(content)
        case .sidecar(let content) where content.stamp == asked: row.state = .sidecar(content)
        case .notAPhoto: row.state = .notIncluded(code: ReasonCode.notAPhoto.rawValue)
        case .empty: row.state = .notIncluded(code: ReasonCode.emptyFile.rawValue)
        case .media, .sidecar, .stillChanging, .failed(.changed):
            return settle(place, milliseconds: Limits.settleMilliseconds)
        case .failed(.notFound):
            clearTrouble(at: place)
            return try vanished(row, rows)
        case .failed(let error):
            row.state = .unreadable(error)
            reading.settlers[place] = nil
            noteTrouble(at: place, error, since: now.wall)
            try note(StoryCode.readingFailed, error.text, at: place, rows)
            try rows.save(row)
            // Nobody knows what it is: what it was is fetched beside it.
            if row.agreed != nil { fetchAgainSoon() }
            return
        }
        clearTrouble(at: place)
        try clear(.file(place), rows)
        row.since = row.state.isIncluded ? row.since : now.wall
        try rows.save(row)
        if row.agreed != nil {
            removals.needPass()
            renaming.needPass()
            // Somebody is asked about what is suspicious.
            let isAsked = row.state == .notIncluded(code: ReasonCode.suspiciousChange.rawValue)
            if !row.state.isIncluded, !isAsked { fetchAgainSoon() }
        }
        try consider(row, rows)
        if case .sidecar = row.state { return }
        try decideSidecars(beside: place, rows)
    }

    private mutating func noteTrouble(at place: Place, _ error: DiskError?, since: Timestamp) {
        let known = reading.troubles.first { $0.place == place }
        clearTrouble(at: place, keepsSettling: error == nil)
        guard reading.troubles.count < Limits.itemReasonsMax else { return }
        let sameKind = known.map { ($0.error == nil) == (error == nil) } ?? false
        reading.troubles.insertSorted(
            ReadingTrouble(
                place: place, error: error, since: sameKind ? known?.since ?? since : since),
            by: { $0.place < $1.place })
    }

    mutating func clearTrouble(at place: Place, keepsSettling: Bool = false) {
        if !keepsSettling { reading.settlers[place] = nil }
        guard !reading.troubles.isEmpty else { return }
        reading.troubles.removeAll { $0.place == place }
    }
}

extension LocalFile.State {
    var isIncluded: Bool {
        switch self {
        case .unread, .read, .sidecar: true
        case .notIncluded, .unreadable: false
        }
    }
}

// MARK: - What is open

/// A pass over the rows that are open: what a crash, a full window or an unread feed left behind.
struct OpenPass: Sendable {
    var isNeeded = false
    var isRunning = false
    var cursor: Place?
    /// Uptime of the next slice.
    var continuesAt: Int64?
    /// Too much is in memory: it goes on when half of that is done.
    var isPaused = false

    var isIdle: Bool { !isNeeded && !isRunning }
}

extension SyncEngine {
    mutating func advanceOpenPass(_ rows: any Rows) throws(RowsError) {
        if openPass.isNeeded, !openPass.isRunning, feed.state.isComplete, !comparison.isRunning {
            openPass = OpenPass(isRunning: true)
            try forgetEarlierContents(rows)
        }
        guard openPass.isRunning, openPass.continuesAt ?? 0 <= now.uptime else { return }
        let half = Limits.openItemsMax / 2
        openPass.isPaused = reading.queue.count > half || uploads.items.count > half
        guard !openPass.isPaused else { return }
        let page = try rows.openLocalFiles(
            after: openPass.cursor, limit: Limits.openRowsPerPageMax)
        for file in page {
            switch file.state {
            case .unread:
                if reading.settlers[file.place] == nil {
                    enqueueReading(file.place, file.stamp.byteCount)
                }
            case .read, .sidecar: try consider(file, rows)
            case .notIncluded, .unreadable: break
            }
        }
        if page.count < Limits.openRowsPerPageMax {
            openPass.isRunning = false
            // Asked for while this one ran: nothing else might come to begin it.
            openPass.continuesAt = openPass.isNeeded ? now.uptime + 1 : nil
        } else {
            openPass.cursor = page.last?.place
            openPass.continuesAt = now.uptime + 1
        }
    }
}
