import Library
import Records
import SyncEngine

// What files are called, against what their assets are called.
extension Oracle {
    /// When the world has been kind for long, every name that somebody gave is everywhere: a file
    /// has the name of its asset, as far as its folder has room for it, or the one that its own user
    /// imported it under.
    func namesNotTaken(_ device: SimulatedDevice, _ assets: [Record]) -> [String] {
        var names: [RecordID: String] = [:]
        for record in assets where record.isLiveAsset {
            names[record.key.id] = record.fields?["name"]?.string
        }
        var originals: [RecordID: [LocalFile]] = [:]
        for file in device.rows.current.allFiles {
            guard file.place.root.isLibrary, let agreed = file.agreed, agreed.role == .original,
                file.content != nil
            else { continue }
            originals[agreed.asset, default: []].append(file)
        }
        return originals.keys.sorted().compactMap { asset in
            // Of several copies none gives the name or takes it.
            guard let name = names[asset], let files = originals[asset], files.count == 1,
                let agreed = files[0].agreed, !files[0].isEdited
            else { return nil }
            let place = files[0].place
            if agreed.fileName ?? place.path.name != place.path.name {
                return "\(device.name) has not told what \(place.path) is called"
            }
            if !agreed.name.utf8.elementsEqual(name.utf8) {
                return "\(device.name): \(place.path) is still called after \(agreed.name)"
            }
            return nil
        }
    }
}
