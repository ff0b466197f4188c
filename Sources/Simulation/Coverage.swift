/// What must happen at least once in a few thousand seeds, else the simulator looks past it.
extension Counters {
    /// Names of what never happened, with their kinds.
    package var missing: [String] {
        var missing: [String] = []
        func expect(_ kind: Kind, _ names: [String]) {
            missing += names.filter { count(kind, $0) == 0 }.map { "\(kind) \($0)" }
        }
        expect(.fault, FaultKind.allCases.map(\.rawValue))
        expect(.act, SimulatedUser.actNames + ["tomorrow"])
        expect(.reason, ["newerItem"])
        expect(.effect, Self.operations + Self.requests.map { "send \($0)" } + Self.otherEffects)
        expect(.act, Self.answers)
        expect(.effect, ["original left"])
        expect(.server, ["joined"])
        expect(.transition, Self.transitions)
        expect(.server, Self.requests + ["newEpoch", "group saved", "group recordChanged"])
        for operation in Self.operations where !Self.rarelyInterrupted.contains(operation) {
            missing += ["agentCrash", "powerCut"].compactMap { crash in
                count(.interruption, "\(crash) at \(operation)") == 0
                    ? "interruption \(crash) at \(operation)" : nil
            }
        }
        return missing
    }

    /// They change nothing that matters, so crashes aim at the others.
    private static let rarelyInterrupted = [
        "listPreviews", "listTemporaries", "removePreview", "removeTemporary",
    ]
    private static let operations = [
        "copy", "createFolder", "keepPreview", "listPreviews", "listTemporaries", "moveIntoPlace",
        "removePreview", "removeTemporary", "renew", "setTime", "syncFolder", "syncLibrary",
    ]
    private static let answers = [
        "apply held", "put back held", "accept suspicious", "split a pair",
    ]
    /// A state that the status says, and an event that must meet it.
    private static let transitions = [
        "upToDate", "updating", "syncing", "downloading", "uploading", "waiting", "paused",
        "attention",
    ]
    .flatMap { state in
        [
            "replied", "timerFired", "zoneChanged", "placeChanged", "folderRead", "fileRead",
            "diskDone", "command", "conditions", "eventStreamEnded",
        ]
        .map { "\(state) \($0)" }
    }
    private static let requests = [
        "changes", "commit", "createUpload", "download", "have", "pack", "put", "receipts",
        "reportState", "uploadPart",
    ]
    private static let otherEffects = [
        "examine", "readConditions", "readFile", "readFolder", "readMark", "setTimer", "watch",
    ]
}
