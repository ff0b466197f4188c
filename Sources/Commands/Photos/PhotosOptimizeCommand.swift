import Agent
import ArgumentParser
import Records
import Status
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

struct PhotosOptimizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "optimize",
        abstract: "Optimize Storage: leave originals in the cloud and in sources.")

    enum Setting: String, ExpressibleByArgument { case on, off }

    @Argument(help: "on or off.")
    var setting: Setting

    @Option(help: "With on: how much is to stay free on the library's disk, as 20GB.")
    var target: String?

    @OptionGroup var output: OutputOptions

    private struct Result: Encodable {
        let optimizesStorage: Bool
        let target: Int64?
    }

    func validate() throws {
        if setting == .off, target != nil {
            throw ValidationError("--target says how much is to be free with Optimize Storage on.")
        }
        if let target, ByteSize.parse(target) == nil {
            throw ValidationError("\(target) is no size: write it as 20GB.")
        }
    }

    func run() async throws {
        let home = try DeviceContext.signedIn()
        let database = DeviceDatabase(home)
        let isOn = setting == .on
        if !isOn { try checkSpace(database) }
        let target = target.flatMap(ByteSize.parse)
        try database.write { (rows) throws(RowsError) in
            var settings = try rows.settings
            settings.optimizesStorage = isOn
            try rows.save(settings)
            if let target { try rows.save(freeSpaceTarget: target) }
            // Every original is to be here: what was said of single ones is no longer asked.
            if !isOn { try rows.removeChoices(.inCloud) }
        }
        await DeviceContext.tellAgent(home)
        if output.json {
            return try Output.json(Result(optimizesStorage: isOn, target: target))
        }
        Output.line(
            isOn
                ? "Optimize Storage is on: originals stay in the cloud and in your sources, and "
                    + "leave this device when its disk fills up."
                : "Optimize Storage is off: this device keeps every original.")
    }

    /// Every original is to fit, before anything is fetched.
    private func checkSpace(_ database: DeviceDatabase) throws {
        let (lacking, path) = try database.read { (rows) throws(RowsError) in
            (
                try rows.statistics().byteCountNotInLibrary,
                try rows.roots.first { $0.id.isLibrary }?.path
            )
        }
        guard let path,
            let free = FreeSpace.byteCount(
                at: path, environment: DeviceContext.environment)
        else { return }
        let usable = free - Limits.deviceReserveByteCount
        guard lacking > usable else { return }
        throw Complaint(
            .incomplete, "deviceFull",
            "The originals that are not here need \(EvidenceText.bytes(lacking)), and "
                + "\(EvidenceText.bytes(max(0, usable))) can be used at \(path). Free "
                + "\(EvidenceText.bytes(lacking - max(0, usable))), or move the library to a "
                + "larger disk with martlet library move; single items can be kept with "
                + "martlet photos download.")
    }
}
