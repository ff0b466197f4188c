import Agent
import Library
import Records
import Status
import SyncEngine

// Items: what waits, what lies on one side only, and whose copies are proven.
extension Examinations {
    static var items: [Examination] {
        [
            Examination("stuck", "Items that have waited for long", look: lookAtStuck),
            Examination("decisions", "What you decided", look: lookAtDecisions),
            Examination("copies", "Proven copies", look: lookAtCopies),
            Examination("bothSides", "The same items on both sides", look: lookAtBothSides),
            Examination("bytes", "The originals' bytes", look: Rereading.look),
        ]
    }

    static var reasons: Examination {
        Examination("reasons", "Reasons that hold now", look: lookAtReasons)
    }

    private static func lookAtReasons(_ device: ExaminedDevice) -> Look {
        switch device.status {
        case .success(let status)?:
            Look(
                status.reasons.isEmpty ? "none" : "\(status.reasons.count) in all",
                status.reasons.map { Finding($0) })
        case .failure(let error)?: .notPossible(error.message.asCause)
        case nil: .notPossible("not signed in")
        }
    }

    private static func lookAtStuck(_ device: ExaminedDevice) -> Look {
        let limit = device.surroundings.now().wall.adding(seconds: -Limits.stuckSeconds)
        guard
            let found = try? device.database.read({ (rows) throws(RowsError) in
                try rows.stuckFiles(since: limit)
            })
        else { return .notPossible("the database cannot be read") }
        guard let oldest = found.oldest else { return Look("none") }
        let evidence = [
            "items": EvidenceText.items(found.sample.count),
            "name": found.sample.names.first ?? "one", "time": EvidenceText.time(oldest),
        ]
        return Look(
            "the oldest since \(EvidenceText.time(oldest))",
            [Finding(.itemsStuck, evidence, items: found.sample.names)])
    }

    private static func lookAtDecisions(_ device: ExaminedDevice) -> Look {
        guard
            let count = try? device.database.read({ (rows) throws(RowsError) in
                try rows.undeliveredDecisions()
            })
        else { return .notPossible("the database cannot be read") }
        guard count > 0 else { return Look("all is told") }
        // An agent that runs is about to tell it.
        guard !device.agentRuns else { return Look("\(count) are on their way") }
        return Look(
            "\(count) wait", [Finding(.decisionsStuck, ["items": EvidenceText.items(count)])])
    }

    /// Files whose bytes the server does not have any more, though both sides agreed on them.
    static func lackedByServer(
        _ device: ExaminedDevice
    ) async -> (files: [AgreedFile], of: Int)? {
        guard let requests = device.requests, case .success? = device.server.devices,
            let files = try? device.database.read({ (rows) throws(RowsError) in
                try rows.agreedFiles()
            })
        else { return nil }
        let digests = Set(files.map(\.digest))
        guard let missing = try? await requests.missing(of: digests.sorted()) else { return nil }
        let lacked = Set(missing)
        return (files.filter { lacked.contains($0.digest) }, digests.count)
    }

    private static func lookAtBothSides(_ device: ExaminedDevice) async -> Look {
        guard let found = await lackedByServer(device) else {
            return .notPossible("the server was not asked")
        }
        let counts = (try? device.status?.get())?.counts ?? ItemCounts()
        let sight =
            "\(found.of) digests compared; \(counts.onlyHere) items only here, "
            + "\(counts.onlyInCloud) only in the cloud"
        guard !found.files.isEmpty else { return Look(sight) }
        return Look(
            sight,
            [
                Finding(
                    .serverLacks, ["items": EvidenceText.items(found.files.count)],
                    items: found.files.map(\.place.path.text))
            ])
    }

    private static func lookAtCopies(_ device: ExaminedDevice) async -> Look {
        guard
            let unproven = try? device.database.read({ (rows) throws(RowsError) in
                try rows.unprovenFiles()
            })
        else { return .notPossible("the database cannot be read") }
        if device.question.isDeep {
            guard let count = await Rereading.askServer(device) else {
                return .notPossible("the server was not asked")
            }
            return Look("the server read \(count) of its copies back")
        }
        guard unproven.count > 0 else { return Look("all are proven") }
        let evidence = [
            "items": EvidenceText.items(unproven.count),
            "size": EvidenceText.bytes(unproven.byteCount),
        ]
        return Look(
            "\(unproven.count) are not proven yet", [Finding(.copiesUnproven, evidence)])
    }
}
