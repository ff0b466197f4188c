import Agent
import Commands
import Foundation
import Records
import Status
import SyncEngine
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        ("plain näme 𝄞.jpg", "plain näme 𝄞.jpg"), ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\u{1B}[2Jgone", "\\u{1B}[2Jgone"), ("left\u{202E}gpj.exe", "left\\u{202E}gpj.exe"),
        ("\u{9B}1m", "\\u{9B}1m"),
    ])
    func `a name cannot move the cursor or pretend`(text: String, expected: String) {
        #expect(EscapedText.line(text) == expected)
    }

    @Test(
        arguments: [
            ("50GB", 50_000_000_000), ("1.5 tb", 1_500_000_000_000), ("2MiB", 2_097_152),
            ("10", 10), ("7B", 7), ("1kB", 1_000),
        ] as [(String, Int64)])
    func `a size is read as people write it`(text: String, expected: Int64) {
        #expect(ByteSize.parse(text) == expected)
    }

    @Test(arguments: ["", "GB", "-1GB", "0", "much", "1e400", "nan", "9999999999999TB"])
    func `what is no size is refused`(text: String) {
        #expect(ByteSize.parse(text) == nil)
    }

    @Test func `the status has exactly the keys that scripts read, null for what isn't known`()
        throws
    {
        let reason = Reason(
            code: .volumeMissing, message: "It is not there.", since: Timestamp(milliseconds: 5),
            clearsWhen: "it is there", fix: nil)
        let data = try JSONEncoder().encode(
            StatusJSON(LibraryStatus(state: .attention, reasons: [reason])))
        let object = try #require(
            JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(Set(object.keys) == ["state", "reasons", "counts", "bytes", "secondsLeft"])
        #expect(object["state"] as? String == "attention")
        #expect(object["secondsLeft"] is NSNull)
        let reasons = try #require(object["reasons"] as? [[String: Any]])
        #expect(Set(reasons[0].keys) == ["code", "message", "since", "clearsWhen", "fix"])
        #expect(reasons[0]["fix"] is NSNull)
        #expect(reasons[0]["since"] as? Int == 5)
        let counts = try #require(object["counts"] as? [String: Int])
        #expect(
            Set(counts.keys) == [
                "items", "inSync", "onlyHere", "onlyInCloud", "waiting", "uploading",
                "downloading", "failed", "held",
            ])
    }

    @Test(
        arguments: [
            (Outcome.inSync, CommandStatus.inSync), (.incomplete, .incomplete),
            (.serverUnreachable, .tryAgain), (.signInNeeded, .signInNeeded),
        ] as [(Outcome, CommandStatus)])
    func `an outcome has its exit code`(outcome: Outcome, status: CommandStatus) {
        #expect(CommandStatus(outcome) == status)
    }

    @Test(
        arguments: [
            (AgentError.Code.notSignedIn, CommandStatus.signInNeeded),
            (.serverUnreachable, .tryAgain),
            (.agentRuns, .tryAgain), (.libraryTaken, .usage), (.databaseDamaged, .incomplete),
        ] as [(AgentError.Code, CommandStatus)])
    func `an error has its exit code and its sentence`(code: AgentError.Code, status: CommandStatus)
    {
        let complaint = Complaint(AgentError(code, "Do this."))
        #expect(complaint?.status == status)
        #expect(complaint?.message == "Do this.")
        #expect(Complaint(CancellationError()) == nil)
    }
}
