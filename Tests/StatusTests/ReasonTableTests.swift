import Records
import Status
import Testing

struct ReasonTableTests {
    @Test func `every code has one rule, and every rule one code`() {
        let codes = ReasonTable.rules.map(\.code)
        #expect(Set(codes).count == codes.count)
        #expect(codes.count == 75)
        #expect(codes.allSatisfy { ReasonTable.rule(of: $0)?.code == $0 })
    }

    @Test(arguments: ReasonTable.rules)
    func `a rule reads as sentences`(rule: ReasonRule) throws {
        #expect(rule.message.hasSuffix("."))
        #expect(rule.message.first?.isLowercase == false)
        #expect(!rule.clearsWhen.isEmpty)
        #expect(!rule.clearsWhen.hasSuffix("."))
        #expect(rule.fix?.hasSuffix(".") != false)
        for text in [rule.message, rule.clearsWhen, rule.fix ?? ""] {
            #expect(text.filter { $0 == "{" }.count == text.filter { $0 == "}" }.count)
        }
    }

    @Test(arguments: ReasonTable.rules)
    func `the state follows from what a reason stops`(rule: ReasonRule) {
        switch rule.effect {
        case .stopsEverything, .stopsUploads, .stopsDownloads, .stopsLargeItems:
            #expect(rule.scope != .item)
            #expect([.waiting, .paused, .attention].contains(rule.state))
        case .thisItem:
            #expect(rule.scope != .library)
            #expect(rule.state != .upToDate)
        case .informs:
            #expect(![.waiting, .paused].contains(rule.state))
        }
        // What somebody must see is what does not clear without them.
        if rule.state == .attention { #expect(!rule.clearsByItself && rule.fix != nil) }
    }

    @Test(arguments: ReasonTable.rules)
    func `evidence appears in the sentences`(rule: ReasonRule) {
        let evidence = Dictionary(
            uniqueKeysWithValues: rule.evidenceNames.map { ($0, "<\($0)>") })
        let reason = Reason(rule.code, evidence, since: Timestamp(milliseconds: 7))
        let text = reason.message + reason.clearsWhen + (reason.fix ?? "")
        #expect(!text.contains("{") && !text.contains("unknown"))
        for name in rule.evidenceNames { #expect(text.contains("<\(name)>")) }
        #expect(reason.since == Timestamp(milliseconds: 7))
    }

    @Test func `missing evidence is said to be unknown`() {
        let reason = Reason(.deviceFull, since: Timestamp(milliseconds: 0))
        #expect(reason.message == "This device's disk is full: unknown are free.")
    }

    @Test func `a reason of another version is relayed and changes no state`() {
        let code = ReasonCode(rawValue: "fromTomorrow")
        let reason = Reason(code, ["message": "Tomorrow."], since: Timestamp(milliseconds: 0))
        #expect(reason.message == "Tomorrow.")
        #expect(LibraryState(of: [reason], at: Timestamp(milliseconds: 1)) == .upToDate)
        #expect(ReasonTable.rank(of: code) == 0)
    }
}
