import Records

// Bounds of what only the agent does to find out how its machine is.
extension Limits {
    static let sleepMillisecondsMin: Int64 = 5_000
    /// How long a name's address serves.
    static let resolveMilliseconds: Int64 = 300_000
    static let probeSecondsMax: Int64 = 2
    static let busMillisecondsMax = 500
}
