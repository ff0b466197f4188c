import Records
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

    /// As `martlet services off photos` and `on` do it; now and then originals are to leave as well.
    func switchPhotos(on isOn: Bool) {
        guard rows.current.photosService().isOn != isOn else { return }
        let removes = isOn ? false : world.faults.oneIn(3)
        let state = isOn ? ServiceState.returning : .off(since: moment.wall, removes: removes)
        world.note("\(name): photos \(state)")
        do {
            try rows.transaction { rows throws(RowsError) in rows.save(photosService: state) }
        } catch {
            world.violate("\(name) cannot switch photos: \(error.message)")
        }
        rows.syncAll()
        tell(.command(.serviceChanged), kind: "command")
    }

    /// While photos are off a device looks at its files and reports; to let originals leave it reads
    /// the feed and asks for receipts.
    func checkMaySend(_ request: Request) {
        guard !knownService.isOn else { return }
        switch request {
        case .reportState: return
        case .changes, .receipts: if knownService.isRemoving { return }
        case .have, .pack, .put, .createUpload, .uploadOffset, .uploadPart, .commit, .download:
            break
        }
        world.violate("\(name) sends \(request.name) while photos are off.")
    }

    /// A user deletes one of this device's files, which nobody may have read since it was edited.
    func userRemoves(_ file: SimulatedDisk.Node) {
        let isOn = rows.current.photosService().isOn
        for content in [file.content] + file.overwritten {
            if isOn {
                removedWhileOn.insert(content.digest)
            } else {
                removedWhileOff[content.digest] = world.now
            }
        }
        oracle.userRemoves(file.content)
    }

    /// A user gives a file another name: what it had replaced has no place any more, if nobody has
    /// told of the new bytes yet.
    func userRenames(_ file: SimulatedDisk.Node) {
        guard rows.current.photosService().isOn else { return }
        removedWhileOn.formUnion(file.overwritten.map(\.digest))
    }

    /// When last, if only while photos were off: then it is fetched again, for absent is not deleted
    /// (P4).
    func tookAwayOnlyWhileOff(_ digest: Digest) -> Int64? {
        removedWhileOn.contains(digest) ? nil : removedWhileOff[digest]
    }
}
