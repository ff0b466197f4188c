package import Status
package import SyncEngine

/// The device's database as commands use it, beside an agent that may be running.
package struct DeviceDatabase: Sendable {
    private let path: String

    package init(_ home: DeviceHome) { path = home.databasePath }

    package func read<R>(_ body: (DatabaseRows) throws(RowsError) -> R) throws(AgentError) -> R {
        do throws(RowsError) {
            return try body(try DatabaseRows(readingFrom: path))
        } catch {
            throw AgentError(rows: error)
        }
    }

    /// One transaction, which waits for the agent's to end.
    package func write<R>(_ body: (DatabaseRows) throws(RowsError) -> R) throws(AgentError) -> R {
        do throws(RowsError) {
            let rows = try DatabaseRows(path: path)
            return try rows.transaction { () throws(RowsError) in try body(rows) }
        } catch {
            throw AgentError(rows: error)
        }
    }

    /// The same, for what a person decided: once it is done, no power cut undoes it.
    package func writeDurably<R>(
        _ body: (DatabaseRows) throws(RowsError) -> R
    ) throws(AgentError) -> R {
        do throws(RowsError) {
            let rows = try DatabaseRows(path: path)
            let result = try rows.transaction { () throws(RowsError) in try body(rows) }
            try rows.makeDurable()
            return result
        } catch {
            throw AgentError(rows: error)
        }
    }

    package func settings() throws(AgentError) -> DeviceSettings {
        try read { (rows) throws(RowsError) in try rows.settings }
    }

    /// One item's story, by what the rows alone say; `name`: a path or an id.
    package func observedStory(
        of name: String, _ surroundings: Surroundings = .machine()
    ) throws(AgentError) -> ItemStory? {
        let moment = surroundings.now()
        return try read { (rows) throws(RowsError) in
            let engine = SyncEngine(
                options: SyncEngine.Options(once: true), randomNumber: surroundings.randomNumber)
            for subject in try ItemLookup(rows).subjects(named: name) {
                guard var story = try engine.story(of: subject, at: moment, rows: rows) else {
                    continue
                }
                if story.status.state == .waiting {
                    story.status.reasons.append(
                        Reason(
                            .agentNotRunning, ["items": EvidenceText.items(1)], since: moment.wall))
                    story.status.reasons = ReasonTable.ranked(story.status.reasons)
                }
                return story
            }
            return nil
        }
    }

    /// What an agent that starts now would say first: from the rows alone, nothing is touched.
    package func observedStatus(
        _ surroundings: Surroundings = .machine()
    ) throws(AgentError) -> LibraryStatus {
        let moment = surroundings.now()
        if let cause = DatabaseDamage.cause(path) {
            let reason = Reason(.libraryDamaged, ["cause": cause], since: moment.wall)
            return LibraryStatus(
                state: LibraryState(of: [reason], at: moment.wall), reasons: [reason])
        }
        var status = try read { (rows) throws(RowsError) in
            try SyncEngine(
                options: SyncEngine.Options(once: true), randomNumber: surroundings.randomNumber
            ).status(at: moment, rows: rows)
        }
        let waiting = status.counts.items - status.counts.inSync - status.counts.onlyInCloud
        // A service that is off waits for nothing.
        if waiting > 0, !status.reasons.contains(where: { $0.code == .serviceOff }) {
            let items = EvidenceText.items(waiting)
            status.reasons.append(
                Reason(.agentNotRunning, ["items": items], since: moment.wall))
            status.reasons = ReasonTable.ranked(status.reasons)
        }
        // Nothing is under way: the state is what the reasons say, as of the last sync.
        status.state = LibraryState(of: status.reasons, at: moment.wall)
        return status
    }
}
