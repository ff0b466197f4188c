import Agent
import ArgumentParser
import Records
import SyncEngine
import Wire

struct PhotosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "photos", abstract: "The photo library of this device.",
        subcommands: [
            PhotosImportCommand.self, PhotosSourceCommand.self, PhotosListCommand.self,
            PhotosFavoriteCommand.self, PhotosHideCommand.self, PhotosEditCommand.self,
            PhotosAlbumCommand.self, PhotosSplitCommand.self,
            PhotosTrashCommand.self, PhotosRestoreCommand.self, PhotosDeleteNowCommand.self,
            PhotosExportCommand.self, PhotosOptimizeCommand.self, PhotosDownloadCommand.self,
            PhotosEvictCommand.self, PhotosOpenCommand.self, PhotosHeldCommand.self,
            PhotosSuspiciousCommand.self, PhotosConflictsCommand.self, PhotosWaitCommand.self,
        ])
}

struct PhotosWaitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until the server has done what it was given.")

    @Flag(help: "Wait until every picture has its facts and its thumbnail.")
    var rendered = false

    @Flag(help: "Wait until every picture has its preview.")
    var previews = false

    @OptionGroup var output: OutputOptions

    func run() async throws {
        guard rendered || previews else {
            throw Complaint(
                .usage, "nothingToWaitFor", "Say what to wait for: --rendered, or --previews.")
        }
        let client = try DeviceContext.client(try DeviceContext.signedIn())
        let surroundings = Surroundings.machine()
        let isStopped = StopFlag()
        let (isJSON, withPreviews) = (output.json, previews)
        let result = await StopSignals.handled(by: { isStopped.set() }) {
            await Result(of: { () async throws(RequestFailure) in
                var shown = -1
                while !isStopped.isSet {
                    let progress = try await client.photosProgress()
                    let previews = withPreviews ? progress.withoutPreview : 0
                    let waiting = progress.waiting > 0 ? progress.waiting : previews
                    if waiting == 0 { return true }
                    if waiting != shown, !isJSON {
                        let what = progress.waiting > 0 ? "thumbnails" : "previews"
                        Output.line("\(waiting) pictures wait for their \(what)")
                    }
                    shown = waiting
                    try? await surroundings.sleep(.milliseconds(Limits.progressMilliseconds))
                }
                return false
            })
        }
        await client.shutdown()
        let isDone: Bool
        do throws(RequestFailure) {
            isDone = try result.get()
        } catch {
            throw AgentError(error)
        }
        if output.json { try Output.json(["rendered": isDone]) }
        if !isDone { throw ExitCode(CommandStatus.incomplete.rawValue) }
    }
}
