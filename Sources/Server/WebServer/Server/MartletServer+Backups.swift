import Logging
import Operations
import Records
import Storage
import Wire

extension MartletServer {
    /// What makes the server's backups by itself.
    static func nightlyBackups(
        _ configuration: ServerConfiguration, _ parts: ServiceParts,
        _ surroundings: ServerSurroundings, _ logger: Logger
    ) -> NightlyBackups {
        let isAlone = if case .sqlite = configuration.folder.place { true } else { false }
        return NightlyBackups(
            database: parts.database,
            tools: NightlyBackups.Tools(
                source: {
                    // With connections of its own: a snapshot takes a while.
                    try await ServerPlace(folder: configuration.folder, blobs: configuration.blobs)
                        .backupSource(surroundings)
                },
                takeFolder: takeBackupFolder,
                scratch: configuration.dataFolder + "/proving",
                version: MartletVersion.text, migrations: migrations),
            surroundings: NightlyBackups.Surroundings(
                now: surroundings.now, randomNumber: surroundings.randomNumber,
                clock: surroundings.clock, secondsFromUTC: surroundings.secondsFromUTC),
            isAlone: isAlone, logger: logger)
    }

    @Sendable private static func takeBackupFolder(
        _ folder: String
    ) throws(BackupError) -> (any Sendable)? {
        do {
            return try ServerPlace.takeBackupFolder(folder, for: "the nightly backup")
        } catch {
            throw BackupError(
                .folderAway, "\(folder) cannot be written to: check its disk and who owns it.")
        }
    }
}
