package import Records

/// A moment on a device, by both of its clocks.
package struct Moment: Hashable, Sendable {
    /// Milliseconds that never run backwards; timers are set in these.
    package var uptime: Int64
    package var wall: Timestamp

    package init(uptime: Int64, wall: Timestamp) {
        self.uptime = uptime
        self.wall = wall
    }
}

/// Something observed, or the result of an effect.
///
/// Every effect that is performed is answered by exactly one event, unless the process ends first.
package enum Event: Sendable {
    /// First of all, once: rows say what was known before.
    case started
    case markRead(Result<LibraryLook, DiskError>)
    /// The complete listing of one folder. A missing folder is `.failure(.notFound)`.
    case folderRead(Folder, Result<[Entry], DiskError>)
    /// `nil`: nothing is there.
    case placeExamined(Place, Result<Entry?, DiskError>)
    case fileRead(Place, FileReadResult)
    /// Bytes of this file read so far.
    case readingProgressed(Place, byteCount: Int64)
    case diskDone(OperationID, Result<DiskOutcome, DiskError>)
    case replied(RequestID, Result<Reply, RequestFailure>)
    /// Bytes of this request moved so far.
    case progressed(RequestID, byteCount: Int64)
    case timerFired(TimerID)
    /// Right after the start: what was being read when the last process crashed.
    case readingCrashed([CrashedReading])

    /// The watcher saw a name appear, change or go: one file was closed after writing, or moved.
    case placeChanged(Place)
    /// The watcher saw a folder appear, or more than one name change.
    case folderChanged(Folder)
    /// The watcher lost events: compare everything.
    case watchOverflowed
    /// The server's event stream: the zone's head, then the latest only; as a token too, but from an
    /// older server.
    case zoneChanged(head: Int64, token: ChangeToken? = nil)
    /// The server's event stream: what it answers to a report is of this version now.
    case noticeChanged(version: String)
    /// The server's event stream broke, or cannot be had: whether the server is there is to be asked.
    case eventStreamEnded
    /// What the machine says of itself: the answer to `readConditions`, or unasked when it changed.
    case conditions(Conditions)
    case command(Command)
}

/// What a user asks of a running engine.
package enum Command: Hashable, Sendable {
    /// Read all roots and the feed again.
    case compareAll
    /// Forget the waiting times of retries.
    case retryNow
    /// The same, and for all that waits now neither power nor a metered network counts.
    case syncNow
    /// The roots' rows changed: a source was added or removed.
    case rootsChanged
    /// Rows say anew which originals are to be here.
    case choicesChanged
    /// The answer to `libraryRestored` is in the rows.
    case libraryAccepted
    /// The user paused or resumed: the rows say which.
    case pauseChanged
    /// The user switched a service on or off: the rows say which.
    case serviceChanged
    /// Pending changes were written: favorites, albums, the trash.
    case userDecided
}

/// What the library's `.martlet/mark` says.
package struct LibraryMark: Hashable, Sendable, Codable {
    package let library: LibraryID
    package let device: DeviceID
    package let generation: Int64
    /// Whose sign-in wrote it; earlier marks don't say.
    package let account: AccountID?

    package init(
        library: LibraryID, device: DeviceID, generation: Int64, account: AccountID? = nil
    ) {
        self.library = library
        self.device = device
        self.generation = generation
        self.account = account
    }
}

/// What the library's folder shows of itself.
package struct LibraryLook: Hashable, Sendable {
    /// `nil`: there is none.
    package var mark: LibraryMark?
    package var isReadOnly: Bool
    package var otherTool: OtherSyncTool?

    package init(
        mark: LibraryMark?, isReadOnly: Bool = false, otherTool: OtherSyncTool? = nil
    ) {
        self.mark = mark
        self.isReadOnly = isReadOnly
        self.otherTool = otherTool
    }
}

/// Another program that syncs the library's folder, or one above it.
package struct OtherSyncTool: Hashable, Sendable {
    package let name: String
    /// The file or folder that says so.
    package let mark: String

    package init(name: String, mark: String) {
        self.name = name
        self.mark = mark
    }
}

/// Why a disk operation failed.
package enum DiskError: Error, Hashable, Sendable {
    case notFound
    case alreadyExists
    case notPermitted
    case noSpace
    case readOnly
    case notAFolder
    /// The file is not what its stamp said.
    case changed
    case inputOutput(errno: Int32)
}

/// What reading a file to its end found.
package enum FileReadResult: Sendable {
    case media(FileContent)
    case sidecar(FileContent)
    /// Neither its name nor its content is a picture's, a video's or a sidecar's.
    case notAPhoto
    /// 0 bytes.
    case empty
    /// Changed, or was being written, while it was read.
    case stillChanging
    case failed(DiskError)
}

/// One whole reading of a file: its stamp was the same before and after.
package struct FileContent: Hashable, Sendable {
    package let stamp: FileStamp
    package let digest: Digest
    package let mediaType: String
    /// Provisional facts in the form of a `facts` record's fields, without `of` and `by`.
    package let facts: Fields

    package init(stamp: FileStamp, digest: Digest, mediaType: String, facts: Fields) {
        self.stamp = stamp
        self.digest = digest
        self.mediaType = mediaType
        self.facts = facts
    }
}

package struct OperationID: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

package struct RequestID: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}

package struct TimerID: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
}
