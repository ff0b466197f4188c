import Library
import Records
import SyncEngine

// Files that the engine moves out of their places and back: renames only, and every one of a file
// in its place must have been announced by an intent that survives a power cut.
extension SimulatedDevice {
    /// Of changed files that their user did not want.
    static let refusedPrefix = "by hand"

    static func path(of name: AsideName) -> RelativePath {
        RelativePath(".martlet/" + name.folder.rawValue).appending(Array(name.text.utf8))
    }

    func moveAside(
        _ place: Place, _ stamp: FileStamp, to name: AsideName
    ) throws(DiskError) -> FileStamp {
        try checkAnnounced(place) { $0.aside == name }
        let node = try library.file(at: place.path, with: stamp)
        if name.folder == .trash {
            oracle.checkSetAside(library.nodes[node].content, at: place, by: self)
        }
        return try rename(place.path, to: Self.path(of: name))
    }

    func moveBack(_ name: AsideName, to place: Place) throws(DiskError) -> FileStamp {
        let stamp = try rename(Self.path(of: name), to: place.path)
        placesUnsynced.insert(place)
        return stamp
    }

    func reclaim(
        _ name: AsideName, _ stamp: FileStamp, _ digest: Digest, to temporary: TemporaryName
    ) throws(DiskError) -> FileStamp {
        guard let node = library.node(at: Self.path(of: name)) else { throw .notFound }
        guard library.stamp(of: node).isSameFile(as: stamp),
            library.nodes[node].content.digest == digest
        else { throw .changed }
        if library.node(at: path(of: temporary)) != nil {
            try disks[0].remove(path(of: temporary))
        }
        return try rename(Self.path(of: name), to: path(of: temporary))
    }

    func remove(_ name: AsideName) throws(DiskError) {
        guard let node = library.node(at: Self.path(of: name)) else { return }
        // What its user did not want goes with its picture.
        if !name.text.hasPrefix(Self.refusedPrefix) {
            oracle.checkUnlink(library.nodes[node].content, name.text, by: self)
        }
        try disks[0].remove(Self.path(of: name))
    }

    func locate(_ place: Place, _ elsewhere: Elsewhere) -> DiskOutcome {
        let path: RelativePath
        switch elsewhere {
        case .aside(let name): path = Self.path(of: name)
        case .place(let place): path = place.path
        }
        return .located(atPlace: fileStamp(at: place.path), elsewhere: fileStamp(at: path))
    }

    func rename(
        _ place: Place, _ stamp: FileStamp, to target: Place
    ) throws(DiskError) -> FileStamp {
        try checkAnnounced(place) { $0.kind == .rename(to: target) }
        _ = try library.file(at: place.path, with: stamp)
        let moved = try rename(place.path, to: target.path)
        // What was read at its old place is what lies at the new one.
        if placesRead.remove(place) != nil { placesRead.insert(target) }
        return moved
    }

    private func fileStamp(at path: RelativePath) -> FileStamp? {
        guard let node = library.node(at: path), library.nodes[node].kind == .file else {
            return nil
        }
        return library.stamp(of: node)
    }

    private func rename(
        _ path: RelativePath, to target: RelativePath
    ) throws(DiskError) -> FileStamp {
        try disks[0].makeFolder(target.parent ?? .root, by: .engine)
        try disks[0].rename(path, to: target, time: world.fileTime())
        noticed(.library, path)
        noticed(.library, target)
        guard let node = library.node(at: target) else { throw .notFound }
        return library.stamp(of: node)
    }

    private func checkAnnounced(
        _ place: Place, _ isAnnounced: (Intent) -> Bool
    ) throws(DiskError) {
        guard place.root.isLibrary else {
            world.violate("\(name): the engine moves \(place) of a read-only source.")
            throw .readOnly
        }
        if let intent = rows.durableIntent(at: place), isAnnounced(intent) { return }
        world.violate("\(name): the engine moves \(place) with no durable intent.")
    }
}
