import Agent
import ArgumentParser
import Records
import SyncEngine

struct LibraryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "library", abstract: "What concerns the library's folder as a whole.",
        subcommands: [LibraryAcceptCommand.self, LibraryMoveCommand.self])
}

struct LibraryAcceptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept",
        abstract: "Go on with a library that was restored from a backup, as it is now.",
        discussion: """
            The library's folder and this device's database are not of one time, so nothing is \
            deleted anywhere until you say that the folder is good. What it lacks is fetched \
            again; what you want deleted, delete afterwards.
            """)

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let library = try home.configuration().library
        guard let mark = try LibraryFolder.readMark(at: Array(library.utf8)) else {
            throw Complaint(
                .incomplete, "volumeMissing",
                "No library lies at \(library): reconnect its disk first.")
        }
        let isNew = try DeviceDatabase(home).write { (rows) throws(RowsError) in
            let known = try rows.markGenerations()
            guard mark.generation != known.written, mark.generation != known.announced else {
                return false
            }
            try rows.acceptGeneration(mark.generation)
            return true
        }
        let agent = await ControlClient(home).ask(.libraryAccepted)
        if output.json { return try Output.json(["accepted": isNew]) }
        guard isNew else { return Output.line("Nothing waits for an answer.") }
        Output.line("The library is taken as it is.")
        if agent == nil { Output.line("Next: martlet sync") }
    }
}
