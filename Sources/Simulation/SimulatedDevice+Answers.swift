import SyncEngine

// What the user says when a device asks.
extension SimulatedDevice {
    /// Answers held and suspicious changes, as `martlet photos held` and `suspicious` do.
    func answerQuestions() {
        var answers = 0
        var decisions: [PendingChange] = []
        do throws(RowsError) {
            try rows.transaction { (rows) throws(RowsError) in
                let held = try HeldChanges.list(rows, at: moment.wall)
                if !held.items.isEmpty {
                    answers += 1
                    world.counters.add(.act, "answer held")
                    try HeldChanges.apply(rows)
                }
                for file in try HeldChanges.suspicious(rows) where file.agreed != nil {
                    answers += 1
                    world.counters.add(.act, "answer suspicious")
                    try HeldChanges.accept(file, rows)
                }
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
        } catch {
            preconditionFailure("Rows in memory do not fail.")
        }
        guard answers > 0 else { return }
        decisions.forEach(oracle.decided)
        world.note("\(name): its user answers \(answers) questions")
        rows.syncAll()
        tell(.command(.rootsChanged), kind: "command")
        tell(.command(.userDecided), kind: "command")
    }
}
