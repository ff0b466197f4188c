import Records

/// What the user allows.
///
/// The part of `Rows` that keeps it.
package protocol ConditionsRows: AnyObject {
    /// `nil`: not paused.
    func pause() throws(RowsError) -> Pause?
    /// In place of the one before; `nil` resumes.
    func save(pause: Pause?) throws(RowsError)
    /// Whether photos sync on this device.
    func photosService() throws(RowsError) -> ServiceState
    func save(photosService: ServiceState) throws(RowsError)
    /// Of the latest day on which any was counted.
    func meteredUse() throws(RowsError) -> MeteredUse?
    func save(_ use: MeteredUse) throws(RowsError)
}

/// The same in memory.
struct MemoryConditions: Sendable {
    var pause: Pause?
    var photosService = ServiceState.on
    var meteredUse: MeteredUse?
}

extension MemoryRows {
    package func pause() -> Pause? { current.conditions.pause }
    package func save(pause: Pause?) { current.conditions.pause = pause }
    package func photosService() -> ServiceState { current.conditions.photosService }
    package func save(photosService: ServiceState) {
        current.conditions.photosService = photosService
    }
    package func meteredUse() -> MeteredUse? { current.conditions.meteredUse }
    package func save(_ use: MeteredUse) { current.conditions.meteredUse = use }
}
