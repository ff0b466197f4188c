import Foundation
import Glibc
import TestSupport
import Testing

/// What a server's machine is said to be like.
extension Household {
    private var serverConditions: String { folder.file("server-conditions.json") }

    func setServerConditions(_ json: String) throws {
        try Data(json.utf8).write(to: URL(fileURLWithPath: serverConditions), options: .atomic)
    }

    /// Starts the server again, which then reads them every other second.
    func startServerWithConditions() throws {
        killServer()
        try setServerConditions("{}")
        try startServer(with: ["MARTLET_SERVER_CONDITIONS": serverConditions])
    }

    /// Photos answer after 2.5 s, and as many have asked as tell something.
    func slowPhotosDown() throws {
        try setServerConditions(
            #"{"delayMilliseconds":{"photos":2500},"windowMilliseconds":20000}"#)
        usleep(2_500_000)
        // All at once; each is refused, and slowly.
        let command =
            "seq 12 | xargs -P 12 -I N curl -s -o /dev/null '\(url)/api/v1/photos/months?N'"
        #expect(try shell(command) == 0)
    }
}
