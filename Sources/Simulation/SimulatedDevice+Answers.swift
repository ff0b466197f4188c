import Library
import Records
import SyncEngine

// What the user says when a device asks, as `martlet photos held` and `suspicious` do.
extension SimulatedDevice {
    /// Looks at what is held, and answers some seconds later: for that list, or not at all.
    func answerQuestions(_ random: inout RandomStream) {
        let list = heldList()
        let isYes = random.oneIn(2)
        world.after(random.within(0...5_000)) { [self] in
            if !list.items.isEmpty { answer(list, isYes: isYes) }
        }
        let keepsGood = random.oneIn(2)
        answerSuspicious { _ in keepsGood }
    }

    /// When the world has been kind for long, nobody is left without an answer.
    func answerQuestions() {
        let list = heldList()
        if !list.items.isEmpty { answer(list, isYes: world.schedule.oneIn(2)) }
        answerSuspicious { _ in false }
        answerConflicts()
    }

    func heldList() -> HeldChanges.List {
        do {
            return try HeldChanges.list(rows.current, at: moment.wall)
        } catch {
            preconditionFailure("Rows in memory do not fail.")
        }
    }

    private func answer(_ list: HeldChanges.List, isYes: Bool) {
        let now = heldList()
        guard now.digest == list.digest else {
            return world.counters.add(.act, "answer too late")
        }
        world.counters.add(.act, isYes ? "apply held" : "put back held")
        world.note("\(name): its user \(isYes ? "applies" : "puts back") \(now.items.count)")
        let assets = now.items.map(\.asset)
        var moved: [LocalFile] = []
        change { (rows) throws(RowsError) in
            if isYes {
                try HeldChanges.apply(rows)
            } else {
                moved = try HeldChanges.putBack(rows)
            }
        }
        oracle.answered(
            assets, isYes: isYes, on: self, isSending: network.isSendingCommit(of: self))
        takeToTrash(moved)
        rows.syncAll()
        tell(.command(.rootsChanged), kind: "command")
    }

    private func answerConflicts() {
        var answers = 0
        var decisions: [PendingChange] = []
        change { (rows) throws(RowsError) in
            for conflict in try Conflicts.list(rows) where world.schedule.oneIn(2) {
                answers += 1
                world.counters.add(.act, "answer conflict")
                let choices: [Conflicts.Choice] = [
                    .both, .version(conflict.original.asset), .version(conflict.copy.asset),
                ]
                try Conflicts.keep(
                    world.schedule.pick(choices), of: conflict, rows, at: moment.wall)
            }
            decisions = rows.pendingChanges(after: nil, limit: .max)
        }
        guard answers > 0 else { return }
        decisions.forEach(oracle.decided)
        world.note("\(name): its user answers \(answers) conflicts")
        rows.syncAll()
        tell(.command(.userDecided), kind: "command")
    }

    /// `keepsGood`: what the user says of each.
    private func answerSuspicious(_ keepsGood: (LocalFile) -> Bool) {
        var files: [LocalFile] = []
        change { (rows) throws(RowsError) in
            // Also those that could not be moved away when they were refused.
            files = try HeldChanges.suspicious(rows)
        }
        guard !files.isEmpty else { return }
        var refused: [LocalFile] = []
        for file in files {
            let isRefused = keepsGood(file)
            world.counters.add(.act, isRefused ? "keep good" : "accept suspicious")
            change { (rows) throws(RowsError) in
                if isRefused {
                    try HeldChanges.refuse(file, rows)
                } else {
                    try HeldChanges.accept(file, rows)
                }
            }
            if isRefused { refused.append(file) }
        }
        takeToTrash(refused)
        rows.syncAll()
        tell(.command(.rootsChanged), kind: "command")
    }

    /// Planted: what was held is forgotten, for a yes or for a no.
    func forgetHold() {
        guard !heldList().items.isEmpty else { return }
        change { (rows) throws(RowsError) in
            if world.plantedBug == .holdNotKept {
                try HeldChanges.apply(rows)
            } else {
                _ = try HeldChanges.putBack(rows)
            }
        }
        tell(.command(.rootsChanged), kind: "command")
    }

    private func change(_ body: (MemoryRows) throws(RowsError) -> Void) {
        do {
            try rows.transaction { (rows) throws(RowsError) in try body(rows) }
        } catch {
            world.violate("\(name) cannot note an answer: \(error.message)")
        }
    }

    /// Changed files that are not wanted go to the library's trash, by the command itself.
    private func takeToTrash(_ files: [LocalFile]) {
        for file in files where file.place.root.isLibrary {
            guard let node = library.node(at: file.place.path) else { continue }
            oracle.userRemoves(library.nodes[node].content)
            trashedByHandCount += 1
            let name = AsideName(.trash, "\(Self.refusedPrefix) \(trashedByHandCount)")
            let content = library.nodes[node].content
            let stamp = library.stamp(of: node)
            if let agreed = file.agreed {
                change { rows in
                    rows.save(
                        TrashedFile(
                            name: name, place: file.place, stamp: stamp,
                            agreed: Agreement(
                                asset: agreed.asset, role: agreed.role, digest: content.digest,
                                byteCount: stamp.byteCount, name: agreed.name),
                            cause: .refused, at: moment.wall))
                }
                rows.syncAll()
            }
            _ = try? disks[0].rename(
                file.place.path, to: Self.path(of: name), time: world.fileTime())
            noticed(.library, file.place.path)
        }
    }
}
