import Records
import Status
import Testing

struct FindingTableTests {
    @Test func `every code has one rule, and none is a reason's`() {
        let codes = FindingTable.rules.map(\.code)
        #expect(Set(codes).count == codes.count)
        for code in codes {
            #expect(ReasonTable.rule(of: ReasonCode(rawValue: code.rawValue)) == nil)
        }
    }

    @Test(arguments: FindingTable.rules)
    func `a rule reads as sentences, with its evidence in them`(rule: FindingRule) {
        // One ends with another device's own sentence.
        #expect(rule.message.hasSuffix(".") || rule.message.hasSuffix("{message}"))
        #expect(rule.advice?.hasSuffix(".") != false)
        let evidence = Dictionary(
            uniqueKeysWithValues: rule.evidenceNames.map { ($0, "<\($0)>") })
        let finding = Finding(rule.code, evidence)
        let text = finding.message + (finding.advice ?? "")
        #expect(!text.contains("{") && !text.contains("unknown"))
        for name in rule.evidenceNames { #expect(text.contains("<\(name)>")) }
        #expect(finding.severity == rule.severity && finding.remedy == rule.remedy)
    }

    @Test(arguments: FindingTable.rules)
    func `what is wrong says what helps`(rule: FindingRule) {
        #expect(rule.severity != .trouble || rule.advice != nil || rule.remedy != nil)
    }

    @Test func `a finding lists a bounded number of items`() {
        let items = (0...FindingTable.itemsMax).map { "item \($0)" }
        let finding = Finding(.duplicates, ["items": "21 items", "size": "1 MB"], items: items)
        #expect(finding.items == Array(items.dropLast()))
    }

    @Test func `a finding of another version is passed on`() {
        let finding = Finding(FindingCode(rawValue: "tomorrow"), ["message": "Tomorrow."])
        #expect(finding.message == "Tomorrow." && finding.remedy == nil)
    }

    @Test(arguments: ReasonTable.rules)
    func `a reason is as bad as what it stops`(rule: ReasonRule) {
        let finding = Finding(Reason(rule.code, since: Timestamp(milliseconds: 0)))
        #expect(finding.code.rawValue == rule.code.rawValue)
        if rule.state == .attention { #expect(finding.severity == .trouble) }
        if rule.effect != .informs { #expect(finding.severity > .note) }
    }

    @Test func `every remedy has one rule, the least risk first`() {
        #expect(RemedyTable.rules.map(\.code).count == RemedyCode.allCases.count)
        #expect(Set(RemedyTable.rules.map(\.code)) == Set(RemedyCode.allCases))
        #expect(RemedyTable.rules.map(\.rung) == RemedyTable.rules.map(\.rung).sorted())
        for rule in RemedyTable.rules {
            #expect(rule.isRiskless == (rule.risk == .none), "\(rule.code)")
            #expect(rule.action.hasSuffix(".") && rule.undo.hasSuffix("."))
            #expect((1...5).contains(rule.ease))
        }
    }

    @Test func `every remedy is some finding's, or a person's`() {
        let named = Set(FindingTable.rules.compactMap(\.remedy)).union(FindingTable.remedies.values)
        let begun = RemedyTable.rules.filter { $0.command != nil }.map(\.code)
        #expect(begun == [.signInAgain, .startOver, .restoreServer])
        #expect(named == Set(RemedyCode.allCases).subtracting(begun))
    }
}
