import Library
import Records
import SyncEngine
import Wire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Makes a damaged or lost database anew, with the sign-in that the device has.
///
/// The damaged one is moved aside and kept. What files there are is found by looking, what the server
/// has by asking: nothing is sent or fetched again, and without a base nothing counts as deleted (P4).
package struct DatabaseRepair: Sendable {
    private let home: DeviceHome
    private let surroundings: Surroundings

    /// What was kept of the old database.
    package struct Outcome: Sendable {
        package let sources: Int
        package let choices: Int
        package let decisions: Int
    }

    package init(_ home: DeviceHome, _ surroundings: Surroundings = .machine()) {
        self.home = home
        self.surroundings = surroundings
    }

    /// `nil`: the database is sound now.
    package func run() async throws(AgentError) -> Outcome? {
        let configuration = try home.configuration()
        guard try isBroken() else { return nil }
        let lock = try lock()
        defer { withExtendedLifetime(lock) {} }
        let mark = try mark(of: configuration)
        let salvage = DatabaseSalvage(home.databasePath)
        let settings = try await settings(configuration, mark, salvage)
        try DeviceSignIn(
            home: home, address: try ServerAddress(parsing: configuration.server),
            account: configuration.account, deviceName: configuration.deviceName,
            library: configuration.library, fallbackLibrary: configuration.library,
            optimizesStorage: settings.optimizesStorage, surroundings: surroundings
        ).store(settings, configuration, salvage)
        return Outcome(
            sources: salvage.sources.count, choices: salvage.choices.count,
            decisions: salvage.decisions.count)
    }

    /// Proven at the moment of acting (P10); notes damage, so that nothing writes to it any more.
    private func isBroken() throws(AgentError) -> Bool {
        let path = home.databasePath
        if DatabaseDamage.isNoted(path) || access(path, F_OK) != 0 { return true }
        do throws(RowsError) {
            let rows = try DatabaseRows(readingFrom: path)
            _ = try rows.settings
            guard let finding = try rows.look().damage.first else { return false }
            DatabaseDamage.note(finding, of: path)
            return true
        } catch {
            guard error.code == .damaged else { throw AgentError(rows: error) }
            DatabaseDamage.note(error.cause, of: path)
            return true
        }
    }

    /// `nil`: the agent has let go of the damaged database, and waits for a good one.
    private func lock() throws(AgentError) -> AgentLock? {
        do throws(AgentError) {
            return try AgentLock(home)
        } catch {
            guard error.code == .agentRuns else { throw error }
            guard DatabaseDamage.isNoted(home.databasePath), !isOpenElsewhere else {
                throw AgentError(
                    .agentRuns,
                    error.message + " It uses the database: stop it, then run this again.")
            }
            return nil
        }
    }

    /// Whether another process of this user has the database open.
    private var isOpenElsewhere: Bool { OpenFiles.isOpenElsewhere(home.databasePath) }

    /// A library whose disk is away may not be marked where that is mounted.
    private func mark(of configuration: DeviceConfiguration) throws(AgentError) -> LibraryMark {
        let mark: LibraryMark?
        do throws(DiskError) {
            mark = try LibraryFolder.readMark(at: Array(configuration.library.utf8))
        } catch {
            throw AgentError(
                .fileUnusable,
                "The library's mark in \(configuration.library) cannot be read (\(error.text)): "
                    + "mend it first.", cause: error)
        }
        guard let mark else {
            throw AgentError(
                .fileUnusable,
                "The library is not at \(configuration.library): reconnect its disk first.")
        }
        guard mark.device == configuration.device else {
            throw AgentError(
                .libraryTaken,
                "The library at \(configuration.library) is another device's: run martlet login.")
        }
        return mark
    }

    /// The server's word goes before that of a database which is damaged.
    private func settings(
        _ configuration: DeviceConfiguration, _ mark: LibraryMark, _ salvage: DatabaseSalvage
    ) async throws(AgentError) -> DeviceSettings {
        let client = ServerClient(
            address: try ServerAddress(parsing: configuration.server), token: try home.token(),
            trusting: home.trustedFiles())
        let asked = await Result(of: { () async throws(RequestFailure) in try await client.zones() }
        )
        await client.shutdown()
        let zones: [ZoneDescription]
        do throws(RequestFailure) { zones = try asked.get().zones } catch {
            throw AgentError(error)
        }
        let known = salvage.settings
        let own = zones.filter { $0.kind == "photos" }
        guard let zone = own.first(where: { $0.id == known?.zone }) ?? own.first,
            let idKey = Hexadecimal.decode(zone.idKey, byteCount: zone.idKey.utf8.count / 2)
        else {
            throw AgentError(
                .refused, "The server gave this account no photo library: ask its owner.")
        }
        guard mark.account ?? zone.owner == zone.owner else {
            throw AgentError(
                .libraryTaken,
                "The library at \(configuration.library) is another account's: run martlet login.")
        }
        return DeviceSettings(
            account: zone.owner, device: configuration.device,
            deviceName: configuration.deviceName, zone: zone.id, idKey: idKey,
            library: mark.library, markGeneration: mark.generation,
            optimizesStorage: known?.optimizesStorage ?? hasPreviews(configuration.library),
            server: configuration.server)
    }

    /// A device that kept previews left originals in the cloud: it must not begin to fetch all.
    private func hasPreviews(_ library: String) -> Bool {
        let disk = DeviceDisk(roots: [.library: DiskRoot(path: library)])
        let folder = Folder(root: .library, path: RelativePath(".martlet/previews"))
        return ((try? disk.entries(of: folder)) ?? []).contains { $0.kind == .folder }
    }
}
