import Foundation
import Records
import TestSupport
import Testing

/// Alerts as an owner sets them up, from a server that runs.
@Suite(.serialized) struct AlertsTests {
    @Test(.timeLimit(.minutes(4)))
    func `bytes that a disk has lost reach the owner in three ways, once`() throws {
        let receivers = try AlertReceivers()
        let house = try Household()
        try house.signIn("camera")
        let picture = RealPhotos.path("gps/DSCN0010.jpg")
        try FileManager.default.copyItem(
            atPath: picture, toPath: house.library("camera") + "/a.jpg")
        // One that stays: a server that has lost everything suspects its disk.
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/DSCN0027.jpg"),
            toPath: house.library("camera") + "/b.jpg")
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        house.killServer()
        let objects = house.folder.file("data/blobs/objects")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: picture))
        let original = Digest(of: Array(bytes)).text
        #expect(try shell("rm '\(objects)'/*/\(original)*") == 0)
        #expect(try house.onServer("scrub").status == 3)

        let trust = house.folder.file("trust.pem")
        try Data(receivers.trust.utf8).write(to: URL(fileURLWithPath: trust))
        let mail = try house.onServer(
            "alerts", "add", "mail", "home", "--to", "anna@example.org", "--smtp",
            "localhost:\(receivers.port("starttls"))", "--user", "anna", "--password-stdin",
            "--trust", trust, input: "ein Paßwort\n")
        #expect(mail.status == 0, "\(mail.errors)")
        let phone = try house.onServer(
            "alerts", "add", "ntfy", "phone", "--url",
            "http://127.0.0.1:\(receivers.port("http"))/locked", "--token", "--password-stdin",
            input: "tk_right\n")
        #expect(phone.status == 0, "\(phone.errors)")
        let pager = try house.onServer(
            "alerts", "add", "webhook", "pager", "--url",
            "http://127.0.0.1:\(receivers.port("http"))/hook")
        #expect(pager.status == 0, "\(pager.errors)")
        let secret = try #require(pager.output.split(separator: "\n").last)
        let again = try house.onServer(
            "alerts", "add", "webhook", "pager", "--url", "http://127.0.0.1:1/hook")
        #expect(again.status == 64 && again.errors.contains("There is a channel pager"))

        let test = try house.onServer("alerts", "test")
        #expect(test.status == 0, "\(test.output)\(test.errors)")
        #expect(try receivers.taken().map(\.via).sorted() == ["ntfy", "starttls", "webhook"])
        let list = try house.onServer("alerts", "list")
        let json = try house.onServer("alerts", "list", "--json")
        for output in [list.output, json.output] {
            #expect(output.contains("pager") && output.contains("anna@example.org"))
            for hidden in [String(secret), "tk_right", "ein Paßwort", "locked", "/hook"] {
                #expect(!output.contains(hidden))
            }
        }

        try house.startServer()
        #expect(soon(within: 90) { (try? receivers.taken().count) ?? 0 >= 6 })
        let taken = try receivers.taken().dropFirst(3)
        #expect(taken.map(\.via).sorted() == ["ntfy", "starttls", "webhook"])
        for one in taken { #expect(one.body.contains("The server has lost 1 item")) }
        let lasting = try house.onServer("alerts", "list")
        #expect(lasting.output.contains("(objectsWanted, "), "\(lasting.output)")
        // A restart tells nobody again.
        house.killServer()
        try house.startServer()
        usleep(40_000_000)
        #expect(try receivers.taken().count == 6)
    }

    @Test(.timeLimit(.minutes(2)))
    func `what is wrong with a channel is said when it is tried, and by the doctor`() throws {
        let receivers = try AlertReceivers()
        let house = try Household()
        let none = try house.onServer("alerts", "test")
        #expect(none.status == 64 && none.errors.contains("martlet alerts add"))
        let wrong = try house.onServer(
            "alerts", "add", "mail", "home", "--to", "anna@example.org", "--smtp",
            "localhost:\(receivers.port("tls"))", "--security", "tls", "--user", "anna",
            "--password-stdin", input: "wrong secret\n")
        #expect(wrong.status == 0, "\(wrong.errors)")
        let untrusted = try house.onServer("alerts", "test", "home")
        #expect(untrusted.status == 3 && untrusted.errors.contains("certificate"))
        #expect(
            try house.onServer(
                "alerts", "remove", "home"
            ).status == 0)
        #expect(
            try house.onServer(
                "alerts", "remove", "home"
            ).status == 64)
        let plain = try house.onServer(
            "alerts", "add", "mail", "home", "--to", "anna@example.org", "--smtp", "localhost:25",
            "--security", "none", "--user", "anna", "--password-stdin", input: "x\n")
        #expect(plain.status == 64 && plain.errors.contains("without TLS"))
        let nobody = try house.onServer(
            "alerts", "add", "webhook", "hook", "--url",
            "http://127.0.0.1:\(receivers.port("nobody"))/secret-path")
        #expect(nobody.status == 0)
        let test = try house.onServer("alerts", "test", "--json")
        #expect(test.status == 75 && test.output.contains("unreachable"))
        #expect(!(test.output + test.errors).contains("secret-path"))
        let silent = try house.onServer("alerts", "silent-after", "0")
        #expect(silent.status == 64)
        #expect(
            try house.onServer(
                "alerts", "silent-after", "30"
            ).status == 0)
        #expect(
            try house.onServer(
                "alerts", "list"
            ).output.contains("silent after 30 days"))
        let doctor = try house.onServer("doctor", "--server")
        #expect(doctor.output.contains("1 channel, last used never"), "\(doctor.output)")
    }
}
