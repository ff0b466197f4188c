import Library
import Records
import Status
import SyncEngine
import Testing

/// Each reason of the library that lies in the account, the way, or the server: caused, seen with the
/// values of its evidence, and gone with its cause.
@Suite struct LibraryReasonTests {
    private let server = FakeServer()
    private let device: FakeDevice
    private let place = FakeDevice.library("a.jpg")
    private static let large = String(repeating: "x", count: 2 << 20)

    init() throws {
        device = FakeDevice(server, once: false)
        device.restart()
        try device.run(milliseconds: 20_000)
        #expect(try device.status().state == .upToDate)
        #expect(try device.status().reasons.isEmpty)
    }

    private func refuseUploads(_ failure: RequestFailure) {
        device.refuse = { request in
            switch request {
            case .put, .pack: failure
            default: nil
            }
        }
    }

    // MARK: The account

    @Test func `a sign-in that is refused`() throws {
        try device.expectReason(
            .signInNeeded,
            saying: "The server no longer accepts this device's sign-in: it was refused."
        ) {
            device.refuse = { _ in .signInNeeded }
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
            device.tell(.command(.retryNow))
        }
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 1)
    }

    @Test func `a library of another account`() throws {
        let mark = try #require(device.mark)
        let (theirs, mine) = (AccountID(high: 9, low: 9), device.rows.settings.account)
        try device.expectReason(
            .otherAccount,
            saying: "The library belongs to account \(theirs.text); "
                + "this device is signed in as \(mine.text)."
        ) {
            device.mark = LibraryMark(
                library: mark.library, device: mark.device, generation: mark.generation,
                account: theirs)
            device.tellLibraryChanged()
        } goneAfter: {
            device.mark = mark
        }
    }

    @Test func `a service that ends with its user's logout, on the server as well`() throws {
        var reported: [[ReasonCode]] = []
        device.refuse = { request in
            if case .reportState(let status, _) = request {
                reported.append(status.reasons.map(\.code))
            }
            return nil
        }
        try device.expectReason(
            .backgroundNotAllowed, saying: "Martlet stops when anna logs out of this device."
        ) {
            device.change { $0.endsAtLogoutOf = "anna" }
        } goneAfter: {
            try device.run(milliseconds: 2_000)
            #expect(try device.status().state == .upToDate)
            device.conditions.endsAtLogoutOf = nil
        }
        try device.run(milliseconds: 2_000)
        #expect(reported == [[.backgroundNotAllowed], []])
    }

    // MARK: The way to the server

    @Test func `a device without a route`() throws {
        try device.expectReason(
            .offline, saying: "This device has no network: there is no route."
        ) {
            device.change { $0.network.route = .missing(cause: "there is no route") }
        } goneAfter: {
            try device.run(milliseconds: 3_600_000)
            device.change { $0.network.route = .found }
        }
    }

    @Test func `a network with a page of its own`() throws {
        try device.expectReason(
            .captivePortal,
            saying: "This network answers with a page of its own instead of the server."
        ) {
            device.change { $0.network.isCaptive = true }
        } goneAfter: {
            device.conditions.network.isCaptive = false
        }
    }

    /// However long it was away, the next try does not have to be waited for.
    @Test(arguments: [nil, "tun0"])
    func `a server that does not answer, through a tunnel or not`(tunnel: String?) throws {
        let cause = {
            device.change { $0.network.tunnel = tunnel }
            device.refuse = { _ in .unreachable("connection refused") }
            device.put("picture", at: place)
        }
        let end = {
            try device.run(milliseconds: 3 * 3_600_000)
            device.refuse = { _ in nil }
            device.conditions.serverAnswers = true
        }
        if tunnel != nil {
            try device.expectReason(
                .vpnOrProxy, saying: "the server cannot be reached through tun0.", when: cause,
                goneAfter: end)
        } else {
            try device.expectReason(
                .serverUnreachable, saying: "the server does not answer: connection refused.",
                when: cause, goneAfter: end)
        }
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 1)
    }

    @Test func `a server that answers probes and nothing else is left its time`() throws {
        device.refuse = { _ in .timedOut }
        device.conditions.serverAnswers = true
        device.put("picture", at: place)
        let sent = device.requests.count
        try device.run(milliseconds: 600_000)
        #expect(device.requests.count - sent < 30)
    }

    @Test func `a network that breaks what goes through it`() throws {
        try device.expectReason(
            .networkUnstable, saying: "8 of the last 20 requests broke."
        ) {
            refuseUploads(.interrupted)
            for number in 0..<8 {
                device.put("\(number)" + Self.large, at: FakeDevice.library("\(number).jpg"))
            }
        } goneAfter: {
            device.refuse = { _ in nil }
        }
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 8)
    }

    @Test func `what takes more than a day at this rate`() throws {
        try device.expectReason(
            .slowUplink, saying: "At 100 bytes a second, what waits takes 2 days."
        ) {
            device.takesLong = { if case .send(_, .put) = $0 { true } else { false } }
            device.put(String(repeating: "x", count: 20_000_000), at: place)
            try device.run(milliseconds: 1_000)
            guard case .send(let id, _)? = device.underWay.first else { return }
            device.tell(.progressed(id, byteCount: 1_000))
            try device.run(milliseconds: 0)
            device.pass(milliseconds: 10_000)
        } goneAfter: {
            device.letGo()
        }
        try device.run(milliseconds: 1_000)
        #expect(server.assets.count == 1)
    }

    /// One small picture and one that is not.
    private func putTwo() {
        device.put("small", at: place)
        device.put(Self.large, at: FakeDevice.library("large.jpg"))
    }

    @Test func `a metered network`() throws {
        try device.expectReason(
            .meteredNetwork, saying: "This network is metered: 1 item over 1 MB waits."
        ) {
            device.change { $0.network.isMetered = true }
            putTwo()
            try device.run(milliseconds: 500)
        } goneAfter: {
            device.conditions.network.isMetered = false
        }
    }

    @Test func `hours that large items wait for`() throws {
        try device.expectReason(
            .outsideHours,
            saying: "1 item over 52.4 MB wait for 1:00, when they may be sent until 6:00."
        ) {
            // It is 22:13 in UTC.
            device.change { $0.policies.largeUploadHours = Policies.Hours(from: 1, until: 6) }
            device.takesLong = { if case .send(_, .createUpload) = $0 { true } else { false } }
            device.write("film", to: place)
            device.files[place]?.byteCount = Limits.largeItemByteCountMin + 1
            device.tell(.placeChanged(place))
        } goneAfter: {
            device.pass(milliseconds: 3 * 3_600_000)
        }
    }

    // MARK: The server

    @Test func `an account without room`() throws {
        server.notice.usedByteCount = 1_999_000_000
        server.notice.quotaByteCount = 2_000_000_000
        try device.run(milliseconds: 300_000)
        try device.expectReason(
            .accountFull, saying: "The account is full: 2 GB of 2 GB are used."
        ) {
            refuseUploads(.accountFull)
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
        }
    }

    /// What the server says of itself and the account comes with the answer to a report, and the
    /// event stream says when there is something else to hear.
    private func hear(_ notice: (inout ServerNotice) -> Void) {
        notice(&server.notice)
        let version = "\(device.now.uptime)"
        server.notice.eventVersion = version
        device.tell(.noticeChanged(version: version))
    }

    @Test func `an account with little room`() throws {
        try device.expectReason(
            .accountNearlyFull, saying: "3 GB are left of 100 GB."
        ) {
            hear {
                $0.usedByteCount = 97_000_000_000
                $0.quotaByteCount = 100_000_000_000
            }
        } goneAfter: {
            hear { $0.usedByteCount = 50_000_000_000 }
        }
    }

    @Test func `a clock of the server's that jumped`() throws {
        try device.expectReason(
            .serverClockSuspect,
            saying: "The server's clock jumped: deletions are not purged meanwhile."
        ) {
            hear { $0.clockSuspectSince = Timestamp(milliseconds: 77) }
        } goneAfter: {
            hear { $0.clockSuspectSince = nil }
        }
    }

    @Test func `a newer version on the server`() throws {
        try device.expectReason(
            .updateAvailable, saying: "The server runs Martlet 1.10.0; here it is 1.9.2."
        ) {
            hear { $0.version = "1.10.0" }
        } goneAfter: {
            hear { $0.version = "1.9.2" }
        }
    }

    @Test func `a sign-in that is used twice`() throws {
        try device.expectReason(
            .deviceCloned, saying: "This device's sign-in is used on two machines.",
            goesWithin: Limits.clonedSeconds + Limits.reportSeconds
        ) {
            hear { $0.isCloned = true }
        } goneAfter: {
            server.notice.isCloned = false
        }
    }

    @Test func `a server that is down, for as long as it asks`() throws {
        try device.expectReason(
            .serverDown, saying: "The server is down: it asks to be left alone for 30 s.",
            goesWithin: 31
        ) {
            device.refuse = { _ in .retryLater(code: "serverDown", seconds: 30) }
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
        }
    }

    @Test func `a server whose object store does not answer, until it does`() throws {
        try device.expectReason(
            .serverDown, saying: "The server is down: the store of its blobs does not answer.",
            goesWithin: 31
        ) {
            device.refuse = { _ in .retryLater(code: "objectStoreUnreachable", seconds: 10) }
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
        }
    }

    @Test func `a server whose database does not answer, until it does`() throws {
        try device.expectReason(
            .serverDown, saying: "The server is down: its database does not answer.",
            goesWithin: 31
        ) {
            device.refuse = { _ in .retryLater(code: "unreachable", seconds: 2) }
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
        }
    }

    @Test func `a server under maintenance, until a probe says that it has ended`() throws {
        let end = Timestamp(milliseconds: 1_795_291_200_000)
        try device.expectReason(
            .serverMaintenance,
            saying: "The server is under maintenance until 2026-11-21 20:00 UTC (A new disk)."
        ) {
            device.conditions.serverAnswers = false
            device.refuse = { _ in .maintenance(until: end, message: "A new disk") }
            device.put("picture", at: place)
        } goneAfter: {
            // Long enough for the next try to be minutes away.
            _ = try device.pass(seconds: 300) { false }
            #expect(try device.status().state == .paused)
            device.refuse = { _ in nil }
            device.conditions.serverAnswers = true
        }
    }

    @Test func `a service of the server that is slow, and one that fails`() throws {
        let since = Timestamp(milliseconds: 1_795_291_200_000)
        try device.expectReason(
            .serverDegraded,
            saying: "Photos on the server is slower than usual since 2026-11-21 20:00 UTC: "
                + "one answer in 20 takes 2.5 s or more."
        ) {
            hear {
                $0.troubles = [
                    ServiceTrouble(
                        service: "Photos", health: .degraded, since: since,
                        percentileMilliseconds: 2_480)
                ]
            }
        } goneAfter: {
            hear { $0.troubles = [] }
        }
        try device.expectReason(
            .serverDegraded, saying: "Accounts on the server fails since 2026-11-21 20:00 UTC."
        ) {
            hear {
                $0.troubles = [
                    ServiceTrouble(
                        service: "Accounts", health: .outage, since: since,
                        percentileMilliseconds: nil)
                ]
            }
        } goneAfter: {
            hear { $0.troubles = [] }
        }
    }

    @Test func `photos that are switched off for the account`() throws {
        let since = Timestamp(milliseconds: 1_795_291_200_000)
        try device.expectReason(
            .appNotAllowed, saying: "Photos is switched off for this account on the server."
        ) {
            hear { $0.deniedSince = since }
            device.put("picture", at: place)
        } goneAfter: {
            hear { $0.deniedSince = nil }
        }
    }

    @Test func `a refusal that comes before the news of it says so, and nothing spins`() throws {
        let before = device.sent.count
        try device.expectReason(
            .appNotAllowed, saying: "Photos is switched off for this account on the server."
        ) {
            server.notice.deniedSince = device.now.wall
            device.refuse = { request in
                if case .reportState = request { nil } else { .appNotAllowed }
            }
            device.put("picture", at: place)
        } goneAfter: {
            try device.run(milliseconds: 60_000)
            #expect(device.sent.count - before < 15)
            device.refuse = { _ in nil }
            hear { $0.deniedSince = nil }
        }
        try device.run(milliseconds: 5_000)
        #expect(server.assets.count == 1)
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `a server that asks to slow down, for as long as it asks`() throws {
        try device.expectReason(
            .rateLimited, saying: "The server asks this device to slow down.", goesWithin: 31
        ) {
            device.refuse = { _ in .retryLater(code: "rateLimited", seconds: 30) }
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
        }
    }

    @Test func `a server's disk that is full`() throws {
        try device.expectReason(.serverStorageFull, saying: "The server's disk is full.") {
            refuseUploads(.serverStorageFull)
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
        }
    }

    @Test func `a server that was restored`() throws {
        device.put("picture", at: place)
        try device.run(milliseconds: 2_000)
        try device.expectReason(
            .serverRestored,
            saying: "The server was restored: lists are compared, and what it lacks is sent again."
        ) {
            server.restore { _ in true }
            device.refuse = { if case .changes(nil) = $0 { .timedOut } else { nil } }
            device.tell(.zoneChanged(head: server.head))
            device.tell(.command(.compareAll))
        } goneAfter: {
            device.refuse = { _ in nil }
        }
    }

    @Test(arguments: [(ProtocolSide.device, "This device"), (.server, "The server")])
    func `a side that is too old`(side: ProtocolSide, name: String) throws {
        try device.expectReason(
            .versionTooOld, saying: "\(name) is too old: it speaks protocol 9."
        ) {
            device.refuse = { _ in .versionTooOld("it speaks protocol 9.", side: side) }
            device.put("picture", at: place)
        } goneAfter: {
            device.refuse = { _ in nil }
            device.tell(.command(.retryNow))
        }
    }
}
