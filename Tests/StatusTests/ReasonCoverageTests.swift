import Status
import TestSupport
import Testing

/// Each reason has a test that causes it, sees it come with its evidence, and sees it go.
///
/// Such tests call `expectReason`, which does just that: its code, the evidence and the end of the
/// cause can't be left out. Here those calls are read, so that no list has to be kept by hand.
struct ReasonCoverageTests {
    /// What nothing can cause yet, or is seen to come and go in another way; an entry goes with the
    /// first such test.
    private static let uncaused: [ReasonCode: String] = [
        .leftZone: "nothing is shared between accounts yet",
        .sharedSeparately: "nothing is shared between accounts yet",
        .previewOnly: "PreviewTests see it beside an original that is on its way",
        .conflict: "ConflictTests and VersionsTests see it on both devices at once",
    ]

    private static let tested = Result { try TestedReasons.read() }

    @Test(arguments: ReasonTable.rules.map(\.code))
    func `a reason is caused, seen and ended by a test`(code: ReasonCode) throws {
        let isCaused = try Self.tested.get().codes.contains(code.rawValue)
        if let why = Self.uncaused[code] {
            #expect(!isCaused, "\(code) has a test by now, though \(why): take it off the list.")
        } else {
            #expect(isCaused, "No test calls expectReason for \(code).")
        }
    }

    @Test func `the calls can be read`() throws {
        let tests = try Self.tested.get()
        #expect(tests.unreadable.isEmpty, "Give the code and the evidence in the call itself.")
        #expect(tests.codes.count > 60)
        let known = Set(ReasonTable.rules.map(\.code.rawValue))
        #expect(tests.codes.isSubset(of: known))
    }
}
