import Library
import Records
package import SyncEngine

/// Moves files that the user does not want out of the library, and never unlinks them.
package struct LocalTrash {
    private let disk: DeviceDisk
    private let randomNumber: @Sendable () -> UInt64

    package init(
        _ home: DeviceHome, _ surroundings: Surroundings = .machine()
    ) throws(AgentError) {
        disk = DeviceDisk(
            roots: [.library: DiskRoot(path: try home.configuration().library)])
        randomNumber = surroundings.randomNumber
    }

    /// To `.martlet/trash/`, under names that no other file has; what changed meanwhile, or is
    /// gone, stays as it is.
    package func take(_ files: [LocalFile]) -> [Place] {
        var taken: [Place] = []
        for file in files where file.place.root.isLibrary {
            let name = AsideName(.trash, fileName: file.place.path.name, number: randomNumber())
            guard (try? disk.moveAside(file.place, file.stamp, to: name)) != nil else { continue }
            taken.append(file.place)
        }
        return taken
    }
}
