import Records
import SyncEngine

/// A device's rows, and the last states that a power cut may take them back to: its database does
/// not sync each commit.
final class RowsHistory {
    private static let statesMax = 8

    let current: MemoryRows
    /// Oldest first; the last is the current one.
    private var states: [MemoryRows.Kept] = []

    init(settings: DeviceSettings, sourceCount: Int) {
        current = MemoryRows(
            settings: settings,
            roots: (0...sourceCount).map {
                RootRow(
                    id: RootID(rawValue: Int64($0)), path: $0 == 0 ? "/library" : "/source\($0)")
            })
        states = [current.kept()]
    }

    func transaction<R>(_ body: (MemoryRows) throws(RowsError) -> R) throws(RowsError) -> R {
        do {
            let result = try body(current)
            states.append(current.kept())
            if states.count > Self.statesMax { states.removeFirst() }
            return result
        } catch {
            goBack(0)
            throw error
        }
    }

    /// Everything so far is on the disk.
    func syncAll() { states = [current.kept()] }

    var statesBack: Int { states.count - 1 }

    func goBack(_ count: Int) {
        current.restore(states[states.count - 1 - count])
        states = [current.kept()]
    }

    /// One that a power cut leaves there.
    func durableIntent(at place: Place) -> Intent? {
        let intent = current.intent(at: place)
        return states.allSatisfy { $0.rows.intent(at: place) == intent } ? intent : nil
    }

    func content(at place: Place) -> FileContent? { current.localFile(at: place)?.content }
}
