import Records

// Bounds of what only the agent does.
extension Limits {
    // How its machine is
    static let sleepMillisecondsMin: Int64 = 5_000
    /// How long a name's address serves.
    static let resolveMilliseconds: Int64 = 300_000
    static let probeSecondsMax: Int64 = 2
    static let busMillisecondsMax = 500

    // Signing in
    /// A library of which none of so many files is at its place is away.
    static let libraryFilesLookedForMax = 1_000

    // Moving the library
    /// The most that Linux lets all names, or one value, of a file's extended attributes have.
    static let attributeByteCountMax = 64 << 10
}

// Examining and mending
extension Limits {
    /// Of a finding's files, how many are named.
    package static let itemsNamedMax = 20
    /// A file in the making that nothing has touched for so long is nobody's, while an agent runs.
    package static let leftoverSeconds: Int64 = 3_600
    /// Digests whose copies the server is asked to read back by one request.
    static let rereadPageMax = 64
    package static let roundTripByteCount = 4 << 10
    package static let quarantineEntriesMax = 100_000
}
