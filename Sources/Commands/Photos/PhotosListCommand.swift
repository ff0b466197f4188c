import Agent
import ArgumentParser
import Records
import SyncEngine

struct PhotosListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the library's photos, as this device knows them.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let isJSON = output.json
        let states = await ControlClient(home).ask(.openStates)?.states ?? [:]
        var isFirst = true
        if isJSON { Output.raw("[") }
        try DeviceDatabase(home).read { (rows) throws(RowsError) in
            try PhotoListing(rows, openStates: states).forEach { (photo) throws(RowsError) in
                if isJSON {
                    Output.raw((isFirst ? "\n" : ",\n") + photo.json)
                } else {
                    let date = photo.takenAt.map { String($0.prefix(19)) } ?? "no date"
                    Output.line("\(date)  \(photo.name)  \(StoryText.word(for: photo.state))")
                }
                isFirst = false
            }
        }
        if isJSON { Output.raw("\n]\n") }
    }
}
