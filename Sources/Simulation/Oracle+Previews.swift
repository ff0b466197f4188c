import Library
import Records
import SyncEngine

// Previews are the server's work: they lie in a folder of their own, count as nobody's picture, and
// go with their asset.
extension Oracle {
    /// No preview is ever sent.
    func checkSent(_ file: FileToSend) {
        if previews.contains(file.digest)
            || file.place.path.components.first == SimulatedDisk.hidden
        {
            world.violate("A preview, or what else is Martlet's own, is sent: \(file.place).")
        }
    }

    func keptPreview(_ content: Content, by device: SimulatedDevice) {
        if !previews.contains(content.digest) {
            world.violate("(4) \(device.name) keeps a preview that the server never made.")
        }
    }

    /// Rows say that a preview is here only when no power cut can take it away.
    func checkPreviewsAfterPowerCut(_ device: SimulatedDevice) {
        guard !device.library.isMissing else { return }
        for row in device.rows.current.allPreviews where row.isPlaced {
            let node = device.library.node(at: PreviewName(row.asset).path)
            if node.map({ device.library.nodes[$0].content.digest }) != row.digest {
                world.violate("(5) \(device.name): the preview of \(row.asset) is not what it was.")
            }
        }
    }

    /// A device that ends and says that all is done has every preview that it knows of.
    ///
    /// And it has finished what an earlier run was moving.
    func checkInSync(_ device: SimulatedDevice) {
        if !device.rows.current.intents().isEmpty {
            world.violate("(7) \(device.name) ends in sync with files on their way.")
        }
        guard let wanted = device.rows.current.previewsWanted(after: nil, limit: 1).first else {
            return
        }
        world.violate("(7) \(device.name) ends in sync without the preview of \(wanted.asset).")
    }

    /// Each picture whose original is not here has its preview, and no other one is left.
    func previewDifferences(_ device: SimulatedDevice, _ assets: [Record]) -> [String] {
        let rows = device.rows.current
        var differences = rows.previewsWanted(after: nil, limit: 1).map {
            "\(device.name) lacks the preview of \($0.asset)"
        }
        var known: [RelativePath: PreviewRow] = [:]
        for row in rows.allPreviews { known[PreviewName(row.asset).path] = row }
        for (path, node) in device.library.files(below: SimulatedDevice.previews) {
            let digest = device.library.nodes[node].content.digest
            guard let row = known.removeValue(forKey: path), row.isPlaced, row.digest == digest,
                device.library.isDurable(path)
            else {
                differences.append("\(device.name) keeps \(path), which its rows do not know")
                continue
            }
            guard let asset = assets.first(where: { $0.key.id == row.asset }) else {
                differences.append(
                    "\(device.name) keeps the preview of \(row.asset), which is gone")
                continue
            }
            guard !device.settings.optimizesStorage, asset.isLiveAsset,
                let original = asset.blob(.original)?.digest,
                rows.localFiles(with: original).contains(where: { $0.place.root.isLibrary })
            else { continue }
            differences.append("\(device.name) keeps a preview beside the original of \(row.asset)")
        }
        return differences
            + known.keys.sorted().map { "\(device.name) has no \($0), which its rows know" }
    }
}
