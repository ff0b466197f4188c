import Agent
import Examinations
import Records
import SyncEngine
import Testing

/// What gets into a bundle of a text that may hold names.
@Suite struct HarmlessTextTests {
    @Test(arguments: [
        ("no answer in time", "no answer in time"),
        ("the disk reports error 5", "the disk reports error 5"),
        (
            "3 of 7 were mended. Secret.jpg: The server does not have it.",
            "3 of 7 were mended. …: The server does not have it."
        ),
        (
            "0 of 1 were mended. a: b. c.jpg: The connection broke: try again.",
            "0 of 1 were mended. …. …: The connection broke: try again."
        ),
        ("trip/Secret.jpg changed while it was sent", "… changed while it was sent"),
        ("/home/anna/Secret.jpg: permission is missing", "…: permission is missing"),
        ("The folders cannot be made: Secret is away.", "The folders cannot be made: …."),
        (
            "The pool that you share with anna is full: 2 GB of 3 GB are used.",
            "The … is full: 2 GB of 3 GB are used."
        ),
        (
            "11 of 12 files at once are more than a repair should touch: check the disk first.",
            "11 of 12 files at once are more than a repair should touch: check the disk first."
        ),
        // A file whose name is a number is a name all the same.
        ("12: permission is missing", "…: permission is missing"),
        ("12 changed while it was sent", "… changed while it was sent"),
        ("Secret said something new.", "…"),
        (
            "The server cannot be reached: connection refused.",
            "The server cannot be reached: connection refused."
        ),
        ("The server cannot be reached: Secret.", "The server cannot be reached: …."),
        ("Secret. Another secret. no answer in time", "…. no answer in time"),
        ("http503", "http503"), ("httpSecret", "http…"), ("", "…"),
    ])
    func `only known words pass`(text: String, kept: String) {
        #expect(HarmlessText.known.kept(text) == kept)
    }

    @Test func `every failure that has no evidence is said as it is`() {
        let failures: [RequestFailure] = [
            .timedOut, .interrupted, .signInNeeded, .changeTokenExpired, .accountFull,
            .serverStorageFull, .notFound, .retryLater(code: "busy", seconds: nil),
            .retryLater(code: "busy", seconds: 7), .digestMismatch(Digest(of: [1])),
        ]
        for failure in failures {
            #expect(HarmlessText.known.kept(failure.sentence) == failure.sentence)
        }
        let names: [RequestFailure] = [
            .unreachable("cloud.example.org is away"), .disk(.inputOutput(errno: 5)),
            .refused(code: "x", message: "anna may not do that."),
            .versionTooOld("anna's server is old.", side: .server),
        ]
        for failure in names {
            let kept = HarmlessText.known.kept(failure.sentence)
            #expect(!kept.contains("example") && !kept.contains("anna"), "\(kept)")
        }
    }
}
