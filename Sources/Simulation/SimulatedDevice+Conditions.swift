import SyncEngine

// What the machine says of itself, and the user's pause.
extension SimulatedDevice {
    func set(_ kind: FaultKind, _ isOn: Bool) {
        var conditions = conditions
        switch kind {
        case .noRoute:
            conditions.network.route = isOn ? .missing(cause: "network is unreachable") : .found
            network.set(isOn, noRouteOf: self)
        case .captivePortal:
            conditions.network.isCaptive = isOn
            network.set(isOn, noRouteOf: self)
        case .lowPower: conditions.power.isSaving = isOn
        case .lowBattery: conditions.power.source = isOn ? .battery(percent: 7) : .mains
        case .metered: conditions.network.isMetered = isOn
        default: preconditionFailure("\(kind.rawValue) is none of the machine's conditions.")
        }
        if conditions != self.conditions { change(to: conditions) }
    }

    func pause(_ isOn: Bool) {
        let pause = Pause(since: moment.wall, until: nil, untilText: "")
        do {
            try rows.transaction { rows throws(RowsError) in
                rows.save(pause: isOn ? pause : nil)
            }
        } catch {
            world.violate("\(name) cannot be paused: \(error.message)")
        }
        if !isOn, world.plantedBug == .latchedPause { return }
        tell(.command(.pauseChanged), kind: "command")
    }
}
