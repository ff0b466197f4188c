import Agent
import ArgumentParser
import Records
import Status
import SyncEngine
import Wire

struct DevicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices", abstract: "List the account's devices and how they are doing.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let client = try DeviceContext.client(home)
        let result = await Result(of: { () async throws(RequestFailure) in
            try await client.devices()
        })
        await client.shutdown()
        let devices: [DeviceDescription]
        do throws(RequestFailure) {
            devices = try result.get().devices
        } catch {
            throw AgentError(error)
        }
        if output.json { return try Output.json(devices) }
        let own = try home.configuration().device
        let now = Surroundings.machine().now().wall
        for device in devices {
            let heard = max(0, (now.milliseconds - device.lastHeardAt.milliseconds) / 1_000)
            let name = device.name + (device.id == own ? " (this device)" : "")
            let state =
                device.isBrowser ? "browser" : device.status?.state.rawValue ?? "not synced yet"
            Output.line("\(name): \(state), heard of \(EvidenceText.duration(seconds: heard)) ago")
        }
    }
}
