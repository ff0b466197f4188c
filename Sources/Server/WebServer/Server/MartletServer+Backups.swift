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
                place: { text in
                    try configuration.place.backupPlace(
                        text, environment: configuration.environment, surroundings)
                },
                scratch: configuration.dataFolder + "/proving",
                version: MartletVersion.text, migrations: migrations),
            surroundings: NightlyBackups.Surroundings(
                now: surroundings.now, randomNumber: surroundings.randomNumber,
                clock: surroundings.clock, secondsFromUTC: surroundings.secondsFromUTC),
            isAlone: isAlone, logger: logger)
    }
}
