/// Every bound of Martlet, named in one place, with its unit last.
package enum Limits {
    // Commits and the feed
    package static let recordsPerCommitMax = 400
    package static let commitByteCountMax = 2 << 20
    package static let groupsPerCommitMax = 400
    package static let groupByteCountMax = 2 << 20
    package static let recordsPerPageMax = 2_000
    package static let pageByteCountMax = 4 << 20
    package static let fieldsByteCountMax = 256 << 10
    package static let blobsPerRecordMax = 32
    package static let nameByteCountMax = 255
    package static let groupMemoryDays = 7
    package static let trashDays = 30
    package static let retainedDays = 30
    package static let quarantineDays = 7

    // Blobs
    package static let blobByteCountMax: Int64 = 1 << 40
    package static let packedBlobByteCountMax = 1 << 20
    package static let packByteCountMax = 50 << 20
    package static let packBlobCountMax = 4_096
    /// What of a pack is stored with one barrier.
    package static let packSliceByteCount = 16 << 20
    /// Of all packs that arrive at once.
    package static let packMemoryByteCountMax = 48 << 20
    /// What is read back from the medium for receipts within one request.
    package static let receiptReadByteCountMax: Int64 = 256 << 20
    /// Below this much free space the server takes no more blobs, so that the database has room.
    package static let diskReserveByteCount: Int64 = 64 << 20
    package static let uploadPartByteCountMax = 50 << 20
    package static let uploadLifetimeHours = 24
    package static let stagedByteCountMax: Int64 = 64 << 30
    package static let uploadsPerAccountMax = 1_000
    package static let pinHours = 24
    package static let digestsPerRequestMax = 1_000
    package static let streamStepByteCount = 1 << 20
    /// What comes after this much of an object is written past the page cache.
    package static let cachedObjectByteCount: Int64 = 8 << 20
    package static let receiptAgeMaxSeconds: Int64 = 3_600

    // Database
    package static let databaseCacheByteCount = 32 << 20
    package static let databaseReadersMax = 4
    package static let databaseBusySeconds = 10
    package static let databaseLogPagesMax = 4_000
    package static let writesPerTransactionMax = 64
    package static let objectsPerFolder = 1_000
    package static let storageThreadsMax = 8

    // Zones, commits and devices
    package static let zonesPerAccountMax = 1_000
    package static let zoneKindByteCountMax = 64
    package static let recordTypeByteCountMax = 64
    package static let roleByteCountMax = 64
    package static let mediaTypeByteCountMax = 127
    package static let uploadMetadataByteCountMax = 4 << 10
    package static let rowsPerCollectionMax = 1_000
    package static let requestsPerDeviceMax = 100
    package static let deviceRequestDays = 7
    package static let jobErrorByteCountMax = 1_024
    package static let jobRetrySecondsMin: Int64 = 10
    package static let jobRetrySecondsMax: Int64 = 900
    /// A token this far above the zone's epoch is a forgery, not the trace of a rollback.
    package static let epochLeapMax: Int64 = 1_000
    package static let clockDriftMillisecondsMax: Int64 = 3_600_000
    package static let tickGapMillisecondsMax: Int64 = 26 * 3_600_000

    // Requests
    package static let jsonBodyByteCountMax = 4 << 20
    package static let requestIdleSecondsMax = 60
    /// How often the server looks whether what it knows of connected accounts is another.
    package static let noticePollMilliseconds = 2_000
    package static let eventStreamCommentSeconds = 20
    package static let pendingConnectionsMax = 1_024
    package static let housekeepingSeconds: Int64 = 600
    package static let memoryTrimSeconds: Int64 = 30
    package static let eventStreamsPerAccountMax = 100
    package static let deviceStateByteCountMax = 1 << 20
    package static let deviceRequestByteCountMax = 4 << 10
    package static let wantedPerReplyMax = 1_000
    package static let headerByteCountMax = 32 << 10
    package static let headerCountMax = 100

    // Accounts
    package static let accountNameByteCountMax = 64
    package static let deviceNameByteCountMax = 128
    package static let passwordByteCountMax = 1_024
    package static let devicesPerAccountMax = 200
    package static let signInFailuresPerWindowMax = 10
    package static let signInWindowSeconds: Int64 = 300
    package static let passwordHashesAtOnceMax = 2
    package static let passwordHashesWaitingMax = 64
    package static let passwordByteCountMin = 8
    package static let appPasswordsPerAccountMax = 50
    package static let webSessionDays = 30
    package static let lastHeardStepSeconds: Int64 = 60
    package static let signInByteCountMax = 16 << 10

    // Media, in a child process
    package static let decodeMemoryByteCountMax: Int64 = 400 << 20
    package static let decodeSecondsMax = 60
    package static let factsSecondsMax = 20
    package static let thumbnailPixels = 320
    package static let previewPixels = 2_048
    package static let pixelsPerImageMax: Int64 = 500_000_000
    package static let quickReadByteCountMax = 16 << 20
    package static let quickReadStepsMax = 20_000
    package static let factsTextByteCountMax = 4 << 10
    package static let keywordsMax = 200
    package static let sidecarByteCountMax = 1 << 20
    package static let factsAnswerByteCountMax = 1 << 20
    package static let embeddedPictureByteCountMax = 64 << 20
    package static let decoderStartSecondsMax = 20
    package static let requestsPerDecodingChildMax = 500
    package static let decodingFrameByteCountMax = 80 << 20
    package static let jobAttemptsMax = 5
    package static let jobLeaseSeconds: Int64 = 180

    // Devices
    package static let transfersAtOnce = 4
    package static let hashesAtOnce = 2
    package static let readsAheadMax = 64
    package static let readAheadByteCountMax: Int64 = 16 << 20
    package static let folderReadsAtOnce = 4
    package static let packTargetByteCount: Int64 = 8 << 20
    package static let groupsPerDeviceCommitMax = 200
    package static let deviceCommitByteCountMax = 1 << 20
    package static let recordsPerDecisionMax = 100
    package static let gatherMilliseconds: Int64 = 200
    package static let placementsPerBatchMax = 128
    package static let foldersWithNamesMax = 64
    package static let downloadsAheadMax = 64
    package static let previewsAheadMax = 64
    package static let previewsOpenMax = 1_000
    package static let previewsPerBatchMax = 128
    package static let openItemsMax = 20_000
    package static let openRowsPerPageMax = 500
    /// How often the machine is asked how it is, while something waits, and else by the agent.
    package static let conditionsMilliseconds: Int64 = 2_000
    package static let conditionsIdleMilliseconds: Int64 = 30_000
    package static let rateByteCountMin: Int64 = 128_000
    package static let rateBurstMilliseconds: Int64 = 1_000
    package static let wokeMilliseconds: Int64 = 10_000
    package static let clockOffsetSecondsMax: Int64 = 300
    package static let slowUplinkSeconds: Int64 = 86_400
    package static let watchesWanted = 524_288
    /// What moves on a low battery and over metered networks.
    package static let smallItemByteCountMax: Int64 = 1 << 20
    /// What gives way to photos: long videos.
    package static let largeItemByteCountMin: Int64 = 50 << 20
    package static let largeTransfersAtOnce = 2
    package static let conditionsFileMilliseconds: Int64 = 500
    /// While something waits; an idle device looks at its library's mark less often, and when
    /// anything changes in its top folder.
    package static let markSeconds: Int64 = 2
    package static let markIdleSeconds: Int64 = 30
    package static let markRaiseSeconds: Int64 = 3_600
    /// A copy of a device that was not heard of for this long is gone.
    package static let clonedSeconds: Int64 = 400
    package static let runsKeptMax = 64
    package static let markFreshMilliseconds: Int64 = 2_000
    package static let reportSeconds: Int64 = 300
    package static let reportSpacingMilliseconds: Int64 = 1_000
    package static let reportsAtEndMax = 3
    package static let shortWaitSecondsMax: Int64 = 10
    package static let settleTriesMax = 5
    package static let itemReasonsMax = 20
    package static let rateWindowMilliseconds: Int64 = 15_000
    package static let retryDelaySecondsMax: Int64 = 900
    package static let fullComparisonSeconds: Int64 = 900
    package static let settleMilliseconds: Int64 = 2_000
    /// How long a file may be gone from the library before it is fetched again.
    package static let vanishedMilliseconds: Int64 = 4_000
    /// After how long a missing file is looked for again, before it is a deletion.
    package static let missingMilliseconds: Int64 = 10_000
    /// How long it is waited for unread files that may be it, before it is fetched again.
    package static let missingSecondsMax: Int64 = 600
    package static let missingPerCheckMax = 1_000
    /// Deletions and changes of bytes are held when more than this many come within `heldHours`.
    package static let changesUnaskedMax = 1_000
    /// Or more than this many that are more than a tenth of the library.
    package static let changesUnaskedOfLargeMin = 100
    /// Or at least this many that are more than half of it.
    package static let heldWhenMoreThanHalfMin = 10
    package static let heldHours = 24
    package static let pathByteCountMax = 4_095
    package static let markByteCountMax = 4 << 10
    package static let namesTriedMax = 10_000
    package static let asideNameByteCountMax = 200
    /// Files that one batch moves to the local trash.
    package static let removalsPerBatchMax = 256
    package static let evictionsPerBatchMax = 64
    package static let evictionsPendingMax = 1_000
    /// Until what may not leave yet is looked at again.
    package static let evictionRetrySeconds: Int64 = 60
    /// With Optimize Storage, unless the user says otherwise.
    package static let freeSpaceTargetByteCount: Int64 = 5 << 30
    /// No download goes below this.
    package static let deviceReserveByteCount: Int64 = 256 << 20
    package static let fieldsDepthMax = 32
    package static let deviceCacheByteCount = 8 << 20
    package static let deviceLogByteCountMax = 16 << 20
    package static let eventsPerTransactionMax = 256
    package static let eventMillisecondsPerTransactionMax: Int64 = 20
    package static let replyByteCountMax = 64 << 20
    package static let connectSecondsMax: Int64 = 10
    package static let replySecondsMax: Int64 = 600
    package static let eventStreamIdleSecondsMax: Int64 = 60
    package static let certificateFileByteCountMax = 1 << 20
    /// The device's own database needs this much before it goes on after a full disk.
    package static let homeFreeByteCountMin: Int64 = 8 << 20
    package static let agentAnswerTries = 10
    package static let heldCheckMilliseconds: Int64 = 2_000
    package static let heldCheckMillisecondsMax: Int64 = 60_000
    package static let heldReportMilliseconds: Int64 = 300_000
    package static let controlLineByteCountMax = 1 << 20
    package static let controlConnectionsMax = 16
    package static let controlSecondsMax = 10
    package static let pollSeconds: Int64 = 60
    package static let reconnectSecondsMax: Int64 = 30
    package static let diskThreads = 4
    package static let plainProgressMilliseconds: Int64 = 2_000
    package static let progressMilliseconds: Int64 = 500

    // Reasons
    /// What should clear by itself and has lasted this long wants attention.
    package static let reasonSecondsMax: Int64 = 86_400

    /// Less left in the account than this, and it is nearly full.
    package static let accountReserveByteCount: Int64 = 1_000_000_000
    /// A device that reported before and has been silent for this long is said to be so: three
    /// reports are missing.
    package static let silenceSeconds: Int64 = 3 * reportSeconds

    // Stories
    package static let storyEventsPerItemMax = 24
    package static let storyEventsMax = 50_000
    /// As often an item may break its handler before it is set aside.
    package static let handlerBreaksMax = 2
    package static let setAsideMax = 1_000
    package static let readingProgressByteCount: Int64 = 32 << 20
    package static let openStatesMax = 5_000

    // Photos
    package static let assetNameByteCountMax = 1_024
    package static let captionByteCountMax = 64 << 10
    package static let keywordsPerAssetMax = 1_000
    package static let timelinePageCountMax = 500
    package static let renderingsPerCommitMax = 200
    package static let renderingCommitMilliseconds: Int64 = 1_000
    package static let renderingByteCountMax = 16 << 20
    package static let renderingJobsPerChild = 8
    package static let renderingRetrySeconds: Int64 = 15
    package static let renderingIdleSecondsMax: Int64 = 300
}
