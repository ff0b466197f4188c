import Records

// Bounds of what only the object store in a bucket does.
extension Limits {
    // Requests
    package static let s3TriesMax = 6
    /// At the start somebody waits for the answer.
    package static let s3TriesAtStartMax = 2
    /// About half a minute.
    package static let s3TriesOfBusyStoreAtStartMax = 10
    package static let s3RetryMilliseconds: Int64 = 100
    package static let s3RetryMillisecondsMax: Int64 = 10_000
    /// What a store may ask for by `Retry-After`, and gets.
    package static let s3RetryAfterSecondsMax: Int64 = 30
    package static let s3ConnectSecondsMax: Int64 = 5
    /// Between two pieces of an answer.
    package static let s3IdleSecondsMax: Int64 = 30
    /// From the request to the beginning of its answer.
    package static let s3AnswerSecondsMax: Int64 = 900
    package static let s3ConnectionsMax = 32
    package static let s3RequestsAtOnceMax = 16
    package static let s3AnswerByteCountMax = 4 << 20
    package static let xmlDepthMax = 16
    package static let xmlElementsMax = 20_000

    // Objects
    /// Smaller objects go in one request; larger ones in parts of this size.
    package static let s3PartByteCount = 8 << 20
    /// From the part with the second number on, parts have the second size, so that the largest
    /// blob has few enough of them.
    package static let s3PartsOfFirstSize = 1_000
    package static let s3LaterPartByteCount = 128 << 20
    package static let s3PartsMax = 10_000
    /// S3 takes no smaller part but the last.
    package static let s3PartByteCountMin = 5 << 20
    package static let s3KeysPerRequestMax = 1_000
    /// Of one resumable upload, each an object of its own.
    package static let s3PiecesPerUploadMax = 20_000
    /// Unfinished multipart uploads that are older than this are nobody's.
    package static let s3UnfinishedSecondsMax: Int64 = 2 * 86_400
}
