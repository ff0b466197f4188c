package import Records

/// One single thing to do in the world.
///
/// The engine decides all ordering: what must come after another effect is only asked for once that
/// one's event is there.
package enum Effect: Sendable {
    case readMark
    /// Ask the machine how it is; `probesServer`: and the server who it is, without signing in.
    case readConditions(probesServer: Bool)
    case readFolder(Folder)
    case examine(Place)
    /// Be told of changes in this folder from now on.
    case watch(Folder)
    /// Sniff, hash to the end and read provisional facts; the stamp must be the same throughout.
    case readFile(Place, FileStamp)
    case disk(OperationID, DiskOperation)
    case send(RequestID, Request)
    case cancel(RequestID)
    /// Keep the machine from falling asleep by itself, or no longer; no event answers it.
    case keepAwake(Bool)
    /// `uptime` in milliseconds; a timer set again moves.
    case setTimer(TimerID, uptime: Int64)
    /// With `--once`: nothing more can be done.
    case finished(Outcome)
}

package enum Outcome: Hashable, Sendable {
    /// Exit code 0.
    case inSync
    /// Exit code 3: the status says why.
    case incomplete
    /// Exit code 75.
    case serverUnreachable
    /// Exit code 77.
    case signInNeeded
}

/// Operations inside the library's folder.
///
/// Nothing here ever overwrites a user's file, and none is unlinked in its place.
package enum DiskOperation: Hashable, Sendable {
    /// Makes missing parents too; existing is success.
    case createFolder(Folder)
    /// Copies a file that this device has into a new temporary file, by reflink where the disk can.
    case copy(Place, FileStamp, to: TemporaryName)
    /// Sets the modification time of a temporary file (nanoseconds since 1970).
    case setTime(TemporaryName, modifiedAt: Int64)
    /// Makes all data and names so far on the library's file system durable (syncfs).
    case syncLibrary
    /// Fails with `alreadyExists` when the place is taken.
    case moveIntoPlace(TemporaryName, Place)
    case syncFolder(Folder)
    /// Moves a library's file that still carries its stamp out of its place. An intent says so
    /// before.
    case moveAside(Place, FileStamp, to: AsideName)
    /// Puts it back; fails with `alreadyExists` when the place is taken.
    case moveBack(AsideName, to: Place)
    /// Makes a file that was moved aside a file in the making, to be given a place again; fails with
    /// `changed` when its bytes are not these.
    case reclaim(AsideName, FileStamp, Digest, to: TemporaryName)
    /// Unlinks what was moved aside; that it is not there is success.
    case removeAside(AsideName)
    /// Unlinks what was moved aside, if it is still the file of this stamp and no program has it open
    /// for writing; fails with `changed` otherwise.
    case giveUp(AsideName, FileStamp)
    /// Where a file is that an intent speaks of.
    case locate(Place, Elsewhere)
    /// Gives a library's file that still carries its stamp another name; fails with
    /// `alreadyExists` when that is taken. An intent says so before.
    case rename(Place, FileStamp, to: Place)
    case removeTemporary(TemporaryName)
    /// Puts a copy of a temporary file in its place, by reflink where the disk can: a file that has
    /// no other name for sure.
    case renew(TemporaryName)
    /// Gives a checked preview its name, in the place of an earlier one.
    case keepPreview(TemporaryName, PreviewName)
    /// That it is not there is success.
    case removePreview(PreviewName)
    /// The previews that lie in one of their folders (`PreviewName.folder`); none when it is missing.
    case listPreviews(folder: Int)
    /// The names that lie in `.martlet/incoming/`.
    case listTemporaries
    /// Makes everything durable that rows hold so far: an intent must outlive a power cut before
    /// what it announces is done.
    case syncRows
    /// The library's `.martlet/mark`, old or new whatever happens; durable when it is done.
    case writeMark(LibraryMark)
}

package enum DiskOutcome: Hashable, Sendable {
    case done
    case copied(Digest, byteCount: Int64)
    /// Now in place, with this stamp.
    case moved(FileStamp)
    case temporaries([TemporaryName])
    case previews([PreviewName])
    /// `nil`: no file is there.
    case located(atPlace: FileStamp?, elsewhere: FileStamp?)
}

/// Where an intent takes a file.
package enum Elsewhere: Hashable, Sendable {
    case aside(AsideName)
    case place(Place)
}
