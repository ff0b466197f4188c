import Agent
import ArgumentParser

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Make this machine one of an account's devices.",
        discussion: """
            Run again, it renews the sign-in of the same device. Everything of the device lies in \
            MARTLET_HOME, so that several devices can live on one machine.
            """)

    @Argument(help: "The server's address, such as https://photos.example.org.")
    var url: String

    @Option(help: "The account's name.")
    var account: String

    @Option(help: "What this device is called; by default the machine's name.")
    var device: String?

    @Option(help: "The folder of the library; by default ~/Martlet, or Library in MARTLET_HOME.")
    var library: String?

    @Option(help: "The services to be synced, or none; photos is the only one yet.")
    var services: String?

    @Flag(help: "Optimize Storage: originals stay in the cloud and in sources, none are copied.")
    var optimize = false

    @Flag(help: "Make this machine, a copy of another one, a device of its own.")
    var asNewDevice = false

    @Option(
        help: """
            A PEM file of the authority that signed the server's certificate, when no public one \
            did; the device keeps a copy.
            """)
    var trust: String?

    @OptionGroup var password: PasswordOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let services = try services.map(ServiceName.list)
        let address = try ServerAddress(parsing: url)
        if let trust {
            try DeviceContext.home.make()
            try DeviceContext.home.trust(certificatesIn: DeviceHome.absolute(trust))
        }
        let secret = try PasswordInput.read(password, prompt: "Password of \(account): ")
        let environment = DeviceContext.environment
        let signIn = DeviceSignIn(
            home: DeviceContext.home, address: address, account: account,
            deviceName: device ?? Self.machineName,
            library: library.map(DeviceHome.absolute),
            fallbackLibrary: DeviceHome.defaultLibrary(environment: environment),
            optimizesStorage: optimize, asNewDevice: asNewDevice)
        let configuration = try await signIn.run(password: secret)
        if let services {
            try ServiceSwitch(signIn.home).set(.photos, isOn: services.contains(.photos))
        }
        let agent = await ControlClient(signIn.home).ask(.signedIn)
        if services != nil { _ = await DeviceContext.tell(signIn.home, .serviceChanged) }
        if output.json { return try Output.json(configuration) }
        Output.line("Signed in as \(configuration.account), device “\(configuration.deviceName)”.")
        Output.line("Library: \(configuration.library)")
        Output.line(agent == nil ? "Next: martlet sync" : "The device goes on with its sync.")
    }

    private static var machineName: String {
        let name = ProcessInfo.processInfo.hostName.split(separator: ".").first.map(String.init)
        return name.flatMap { $0.isEmpty ? nil : $0 } ?? "device"
    }
}
