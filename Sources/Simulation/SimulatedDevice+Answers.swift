import SyncEngine

// What the user says when a device asks.
extension SimulatedDevice {
    /// Answers held and suspicious changes, as `martlet photos held` and `suspicious` do.
    func answerQuestions() {
        var answers = 0
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
            }
        } catch {
            preconditionFailure("Rows in memory do not fail.")
        }
        guard answers > 0 else { return }
        world.note("\(name): its user answers \(answers) questions")
        tell(.command(.rootsChanged), kind: "command")
    }
}
