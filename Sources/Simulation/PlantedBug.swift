/// A mistake that the simulator can make on purpose, so that a test shows how soon it is found.
package enum PlantedBug: String, Sendable, CaseIterable {
    /// The device says that it made its library durable, and did not.
    case ignoredSyncLibrary
    /// The device says that it made a folder's names durable, and did not.
    case renameWithoutSync
    /// The server forgets which groups it has saved.
    case groupIDNotKept
    /// The server acknowledges bytes before they are durable.
    case acknowledgedEarly
    /// A download is believed to be what was asked for.
    case digestBelieved
    /// The device's feed skips a record now and then.
    case recordSkipped
    /// A sync that failed is taken for one that did not.
    case syncResultIgnored
    /// After its restore the server goes on as if nothing had been, and devices are not told.
    case epochNotCompared
    /// The device does not hear that its user resumed.
    case latchedPause
    /// The device does not hear that the server's event stream has ended.
    case streamEndUnheard
    /// A folder that cannot be read is taken for an empty one.
    case absentReadAsDeleted
    /// What is deleted elsewhere is not told.
    case tombstoneDropped
    /// Files are moved before the journal that explains it is durable.
    case intentNotSynced
    /// Originals leave before the journal that explains it is durable.
    case evictedBeforeJournal
    /// The server gives receipts for bytes that it has not read back.
    case evictedWithoutReceipt
    /// What is held is sent before anybody said yes.
    case holdNotKept
    /// What is held is fetched again before anybody said no.
    case holdHealedByDownload
    /// When a part becomes another's, its file goes as if it had been deleted.
    case joinDeletesFile
    /// An older device changes what only newer ones may.
    case requiresIgnored
    /// What an older device has no word for goes when it changes a record.
    case unknownDropped
}
