import Records
import Status
import Testing

struct LibraryStateTests {
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    private func reasons(_ codes: [ReasonCode], age: Int64 = 60) -> [Reason] {
        codes.map { Reason($0, since: now.adding(seconds: -age)) }
    }

    @Test(
        arguments: [
            ([], .upToDate),
            ([.onlyInCloud, .damagedFile, .slowUplink], .upToDate),
            ([.serverRestored], .updating),
            ([.hashing, .serverRestored], .syncing),
            ([.downloading, .hashing], .downloading),
            ([.downloading, .uploading], .uploading),
            ([.uploading, .queued], .waiting),
            ([.queued, .offline], .paused),
            ([.offline, .lowBattery, .unreadableFile], .attention),
            ([.pausedByYou, .signInNeeded], .attention),
        ] as [([ReasonCode], LibraryState)])
    func `the highest rank gives the state`(codes: [ReasonCode], expected: LibraryState) {
        #expect(LibraryState(of: reasons(codes), at: now) == expected)
        #expect(LibraryState(of: reasons(codes.reversed()), at: now) == expected)
    }

    @Test func `states are in the order of their ranks`() {
        #expect(LibraryState.allCases.map(\.rank) == Array(0..<8))
        #expect(LibraryState.attention.rank > LibraryState.paused.rank)
    }

    @Test func `what should clear by itself and lasts a day wants attention`() {
        let day = Limits.reasonSecondsMax
        #expect(LibraryState(of: reasons([.offline], age: day - 1), at: now) == .paused)
        #expect(LibraryState(of: reasons([.offline], age: day), at: now) == .attention)
        #expect(LibraryState(of: reasons([.retrying], age: day), at: now) == .attention)
    }

    @Test(arguments: [
        (ReasonCode.uploading, LibraryState.uploading), (.queued, .waiting),
        (.pausedByYou, .paused), (.slowUplink, .upToDate), (.analysing, .upToDate),
    ])
    func `work, a user's pause and what only informs may last`(
        code: ReasonCode, expected: LibraryState
    ) {
        #expect(LibraryState(of: reasons([code], age: 10 * 86_400), at: now) == expected)
    }

    @Test func `reasons are shown by rank, of equal ones the older first`() {
        let younger = Reason(.offline, since: now)
        let older = Reason(.offline, since: now.adding(seconds: -9))
        let shown = ReasonTable.ranked(
            reasons([.onlyInCloud, .queued]) + [younger, older] + reasons([.signedOut]))
        #expect(shown.map(\.code) == [.signedOut, .offline, .offline, .queued, .onlyInCloud])
        #expect(shown[1] == older)
    }
}

struct EvidenceTextTests {
    @Test(arguments: [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1_000, "1 kB"), (1_234, "1.2 kB"),
        (999_949, "999.9 kB"), (999_950, "1 MB"), (1_200_000_000, "1.2 GB"), (-1_500, "-1.5 kB"),
        (Int64.max, "9.2 EB"),
    ])
    func `bytes are in decimal units`(count: Int64, expected: String) {
        #expect(EvidenceText.bytes(count) == expected)
    }

    @Test(arguments: [
        (-5, "0 s"), (99, "99 s"), (100, "2 min"), (5_999, "100 min"), (7_200, "2 h"),
        (172_800, "2 days"), (216_000, "3 days"), (Int64.max, "106751991167301 days"),
    ])
    func `durations are rounded to what matters`(seconds: Int64, expected: String) {
        #expect(EvidenceText.duration(seconds: seconds) == expected)
    }

    @Test func `one item is not items`() {
        #expect(EvidenceText.items(1) == "1 item")
        #expect(EvidenceText.items(42) == "42 items")
    }
}
