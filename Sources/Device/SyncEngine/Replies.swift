import Library
import Records

// Results of requests, each to the part that asked.

extension SyncEngine {
    mutating func replied(
        _ id: RequestID, _ result: Result<Reply, RequestFailure>, _ rows: any Rows
    ) throws(RowsError) {
        guard let outgoing = requests.removeValue(forKey: id) else { return }
        switch result {
        case .success(let reply):
            serverGate.open()
            circumstances.requests.note(broke: false)
            try countMetered(byteCount(of: outgoing), rows)
            traffic.ended(id, byteCount: byteCount(of: outgoing), outgoing, at: now)
            try take(reply, for: outgoing, rows)
        case .failure(let failure):
            if failure.isBreak {
                circumstances.requests.note(broke: true)
            } else if !failure.isOfTheWay {
                circumstances.requests.note(broke: false)
            }
            try countMetered(traffic.byteCount(of: id), rows)
            traffic.failed(id)
            if failure.concernsServer(isTransfer: outgoing.isTransfer) {
                serverGate.close(
                    failure, at: now, rule: retryRule, seconds: failure.retryAfterSeconds)
            } else if failure.isAnswer {
                serverGate.open()
            } else {
                serverGate.endProbe()
            }
            if failure == .appNotAllowed { learnedOfDenial() }
            try take(failure, for: outgoing, rows)
        }
    }

    private mutating func take(
        _ reply: Reply, for outgoing: Outgoing, _ rows: any Rows
    ) throws(RowsError) {
        switch (outgoing, reply) {
        case (.report(let status), .stateReported(let epoch, let head, let token, let notice)):
            take(notice)
            try countLastCopies(rows)
            heardOfRuns(isCloned: notice.isCloned)
            reported(status, epoch: epoch)
            feed.heard(of: head, token)
        case (.changes(let listing), .changes(let page)):
            // Of an earlier listing: the zone's history is another by now.
            if listing == feed.state.listing { try take(page, rows) }
        case (.have(let asked), .missing(let missing)): answered(asked, missing: missing)
        case (.pack(let digests), .packed(let results)): try packed(digests, results, rows)
        case (.put(let digest), .stored), (.uploadPart(let digest, _), .stored):
            uploads.transfers -= 1
            uploadsWork()
            try stored(digest, rows)
        case (.createUpload(let digest), .uploadOffset(let offset)),
            (.uploadPart(let digest, _), .uploadOffset(let offset)):
            try uploadContinues(digest, at: offset, rows)
        case (.commit(let entries), .committed(let results, let token)):
            try committed(entries, results, token, rows)
        case (.userChanges(let entries), .committed(let results, let token)):
            try userChangesCommitted(entries, results, token, rows)
        case (.commitLocal(let commits), .committed(let results, let token)):
            try localCommitted(commits, results, token, rows)
        case (.receipts, .receipts(let receipts)): try received(receipts, rows)
        case (.download(let digest), .downloaded(let received, _)):
            downloads.transfers -= 1
            downloads.largeUnderWay.remove(digest)
            try downloaded(digest, received, rows)
        case (.preview(let asset, _), .downloaded(let received, _)):
            previewDownloaded(asset, received)
        default:
            // An agent that answers something else than was asked: as if nothing had been heard.
            try take(.interrupted, for: outgoing, rows)
        }
    }

    private mutating func take(
        _ failure: RequestFailure, for outgoing: Outgoing, _ rows: any Rows
    ) throws(RowsError) {
        switch outgoing {
        case .report: reporting.failed(at: now)
        case .changes(let listing):
            guard listing == feed.state.listing else { return }
            if failure == .changeTokenExpired {
                try listAgain(rows)
            } else {
                feed.isReading = false
                feed.isNeeded = true
                closeUnlessClosed(failure)
            }
        case .have(let asked):
            uploads.isAsking = false
            for digest in asked { uploads.move(digest, to: .unasked, at: now) }
            closeUnlessClosed(failure)
        case .pack(let digests):
            uploads.transfers -= 1
            uploads.gate.endProbe()
            let row = try failure.place.flatMap { place throws(RowsError) in
                try rows.localFile(at: place)
            }
            for digest in digests {
                if let own = failure.ofPack(with: digest, culprit: row?.content?.digest) {
                    try uploadFailed(digest, own, rows)
                } else {
                    uploads.move(digest, to: .missing, at: now)
                }
            }
        case .put(let digest), .createUpload(let digest), .uploadPart(let digest, _):
            uploads.transfers -= 1
            uploads.gate.endProbe()
            try uploadFailed(digest, failure, rows)
        case .commit(let entries):
            uploads.commitIsUnderWay = false
            for digest in entries.flatMap(\.digests) {
                if failure.isRefusal {
                    // One of them may be what is refused: they go alone from the second time on.
                    uploads.fail(
                        digest, failure.text, resuming: .stored, at: now, rule: retryRule)
                } else {
                    uploads.move(digest, to: .stored, at: now)
                }
            }
            if failure.concernsAllUploads {
                uploads.gate.close(failure, at: now, rule: retryRule)
            } else if failure.isRefusal {
                return
            } else if failure == .changeTokenExpired {
                if feed.state.isComplete { try listAgain(rows) }
            } else {
                closeUnlessClosed(failure)
            }
        case .userChanges(let entries):
            userChangesFailed(entries, refusal: failure.isRefusal ? failure.text : nil)
            if failure == .changeTokenExpired {
                if feed.state.isComplete { try listAgain(rows) }
            } else if !failure.isRefusal {
                closeUnlessClosed(failure)
            }
        case .commitLocal(let commits):
            localCommitsFailed(commits, failure)
            if failure == .changeTokenExpired {
                if feed.state.isComplete { try listAgain(rows) }
            } else if !failure.isRefusal {
                closeUnlessClosed(failure)
            }
        case .receipts: receiptsFailed()
        case .download(let digest):
            downloads.transfers -= 1
            downloads.largeUnderWay.remove(digest)
            try downloadFailed(digest, failure, rows)
        case .preview(let asset, _): previewFailed(asset, failure)
        }
    }

    /// A request that everything depends on was refused in a way that is nobody's in particular:
    /// it is tried again as if the server were away, with the refusal as evidence.
    private mutating func closeUnlessClosed(_ failure: RequestFailure) {
        guard !serverGate.isClosed, failure != .appNotAllowed else { return }
        serverGate.close(failure, at: now, rule: retryRule, seconds: failure.retryAfterSeconds)
    }

    func byteCount(of outgoing: Outgoing) -> Int64 {
        switch outgoing {
        case .pack(let digests):
            digests.reduce(0) { $0 + (uploads.items[$1]?.byteCount ?? 0) }
        case .put(let digest): uploads.items[digest]?.byteCount ?? 0
        case .uploadPart(_, let byteCount): byteCount
        case .download(let digest): downloads.items[digest]?.blob.byteCount ?? 0
        case .preview(_, let byteCount): byteCount
        case .report, .changes, .have, .createUpload, .commit, .userChanges, .commitLocal,
            .receipts:
            0
        }
    }
}

extension RequestFailure {
    /// Whether the server itself said so: then it can be reached.
    fileprivate var isAnswer: Bool {
        switch self {
        case .interrupted, .timedOut, .fileChanged, .fileUnreadable, .disk: false
        default: true
        }
    }

    /// Whether the way to the server broke under it.
    fileprivate var isBreak: Bool { self == .interrupted || self == .timedOut }

    /// Said to this request for what is in it.
    fileprivate var isRefusal: Bool {
        if case .refused = self { true } else { concernsAllUploads }
    }

    /// What a pack's failure means for one of its blobs: only the one whose file changed, or whose
    /// bytes were wrong, is at fault.
    ///
    /// `culprit`: the digest that lay at the place it names.
    fileprivate func ofPack(with digest: Digest, culprit: Digest?) -> RequestFailure? {
        switch self {
        case .digestMismatch(let other): other == digest ? self : nil
        case .fileChanged, .fileUnreadable: culprit == nil || culprit == digest ? self : nil
        default: self
        }
    }

    fileprivate var place: Place? {
        switch self {
        case .fileChanged(let place), .fileUnreadable(let place, _): place
        default: nil
        }
    }
}
