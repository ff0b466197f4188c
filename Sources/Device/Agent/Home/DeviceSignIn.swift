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

/// Makes this device one of an account's, or renews its sign-in; can be repeated (P8).
package struct DeviceSignIn: Sendable {
    package let home: DeviceHome
    package let address: ServerAddress
    package let account: String
    package let deviceName: String
    /// Absolute path of the library's folder; `nil` keeps the device's own, or takes `fallback`.
    package let library: String?
    package let fallbackLibrary: String
    package let optimizesStorage: Bool
    /// This machine is a copy of another: it becomes a device of its own, with all that it knows.
    package let asNewDevice: Bool
    package let surroundings: Surroundings

    package init(
        home: DeviceHome, address: ServerAddress, account: String, deviceName: String,
        library: String?, fallbackLibrary: String, optimizesStorage: Bool,
        asNewDevice: Bool = false,
        surroundings: Surroundings = .machine()
    ) {
        self.home = home
        self.address = address
        self.account = account
        self.deviceName = deviceName
        self.library = library
        self.fallbackLibrary = fallbackLibrary
        self.optimizesStorage = optimizesStorage
        self.asNewDevice = asNewDevice
        self.surroundings = surroundings
    }

    /// Signs in with a password.
    ///
    /// What could be refused on this device is looked at first, so that a refusal leaves nothing
    /// behind on the server.
    package func run(password: String) async throws(AgentError) -> DeviceConfiguration {
        try home.make()
        let earlier = home.isSignedIn ? try home.configuration() : nil
        if let earlier, earlier.account != account {
            throw AgentError(
                .libraryTaken,
                "This device is signed in as \(earlier.account): run martlet logout first, or give "
                    + "the other account a folder of its own in MARTLET_HOME.")
        }
        if let earlier, let library, library != earlier.library {
            throw AgentError(
                .libraryTaken,
                "This device's library is \(earlier.library): sign in without --library to keep it."
            )
        }
        let library = library ?? earlier?.library ?? fallbackLibrary
        let lock = try lock(renewing: earlier)
        defer { withExtendedLifetime(lock) {} }
        let known = try known(earlier, library)
        try checkLibrary(at: library, known: known)
        let renewed = asNewDevice ? nil : earlier?.device ?? known?.device
        let device = renewed ?? surroundings.identifier()
        let session = try await openSession(for: device, password: password)
        guard let zone = session.zones.first(where: { $0.kind == "photos" }),
            let idKey = Hexadecimal.decode(zone.idKey, byteCount: zone.idKey.utf8.count / 2)
        else {
            throw AgentError(
                .refused, "The server gave this account no photo library: ask its owner.")
        }
        if let known, known.zone ?? zone.id != zone.id {
            throw AgentError(
                .libraryTaken,
                "This device's library belongs to another server: run martlet logout first.")
        }
        let settings = DeviceSettings(
            account: session.account, device: session.device, deviceName: deviceName,
            zone: zone.id, idKey: idKey,
            library: (asNewDevice ? nil : known?.library) ?? surroundings.identifier(),
            markGeneration: known?.markGeneration ?? 1,
            optimizesStorage: optimizesStorage || (known?.optimizesStorage ?? false),
            server: address.text)
        let configuration = DeviceConfiguration(
            server: address.text, account: session.accountName, device: session.device,
            deviceName: deviceName, library: library, receiptKey: session.receiptKey)
        do throws(AgentError) {
            if lock == nil, known?.salvage == nil {
                try renew(settings)
            } else {
                try store(settings, configuration, known?.salvage)
            }
            try home.save(configuration, token: BearerToken(session.token))
        } catch {
            if earlier == nil { await close(session) }
            throw error
        }
        return configuration
    }

    /// A sign-in that came to nothing on this device leaves no device behind on the server.
    private func close(_ session: SessionReply) async {
        let client = ServerClient(
            address: address, token: BearerToken(session.token), trusting: home.trustedFiles())
        try? await client.signOut(session.device)
        await client.shutdown()
    }

    /// `nil` when this device's agent runs and only its sign-in is renewed: the agent keeps the
    /// lock, the library and its mark, and is told afterwards (`ControlRequest.Ask.signedIn`).
    private func lock(renewing earlier: DeviceConfiguration?) throws(AgentError) -> AgentLock? {
        do throws(AgentError) {
            return try AgentLock(home)
        } catch {
            // An agent that found its database damaged has let go of it.
            guard error.code == .agentRuns, earlier?.server == address.text, !asNewDevice else {
                throw error
            }
            return nil
        }
    }

    /// Changes only what this sign-in may say; the agent writes the rest of the settings.
    private func renew(_ settings: DeviceSettings) throws(AgentError) {
        do throws(RowsError) {
            let rows = try DatabaseRows(path: home.databasePath)
            try rows.transaction { () throws(RowsError) in
                var current = try rows.settings
                current.deviceName = settings.deviceName
                current.optimizesStorage = current.optimizesStorage || settings.optimizesStorage
                try rows.save(current)
            }
        } catch {
            throw AgentError(rows: error)
        }
    }

    private func openSession(
        for device: DeviceID, password: String
    ) async throws(AgentError) -> SessionReply {
        let client = ServerClient(address: address, trusting: home.trustedFiles())
        let result = await Result(of: { () async throws(RequestFailure) in
            try await client.signIn(
                device,
                SessionRequest(account: account, password: password, deviceName: deviceName))
        })
        await client.shutdown()
        do {
            return try result.get()
        } catch {
            if error == .notFound {
                throw AgentError(
                    .refused, "No Martlet answers at \(address.text): check the address.",
                    cause: error)
            }
            // As the server's end of the connection happens to be noticed.
            let isBroken =
                error == .interrupted || error == .unreachable("connection reset by peer")
            if isBroken, address.text.hasPrefix("http://") {
                throw AgentError(
                    .serverUnreachable,
                    "\(address.text) breaks the connection: a server with TLS is reached by https://.",
                    cause: error)
            }
            guard error == .signInNeeded else { throw AgentError(error) }
            throw AgentError(
                .signInNeeded, "The account or the password is wrong: check both and try again.")
        }
    }

    /// What this device is from earlier sign-ins.
    fileprivate struct Known {
        let device: DeviceID
        let library: LibraryID
        let markGeneration: Int64
        let zone: ZoneID?
        let optimizesStorage: Bool
        /// The database is damaged: this could be read from it.
        let salvage: DatabaseSalvage?
    }

    private func known(
        _ earlier: DeviceConfiguration?, _ library: String
    ) throws(AgentError) -> Known? {
        do throws(RowsError) {
            if DatabaseDamage.isNoted(home.databasePath) || access(home.databasePath, F_OK) == 0 {
                let rows = try DatabaseRows(path: home.databasePath)
                if try rows.isSignedIn { return Known(try rows.settings, salvage: nil) }
            }
            // Signed in, and without its database: it was lost.
            if earlier == nil { return nil }
        } catch {
            guard error.code == .damaged else { throw AgentError(rows: error) }
            DatabaseDamage.note(error.cause, of: home.databasePath)
        }
        let salvage = DatabaseSalvage(home.databasePath)
        if let settings = salvage.settings { return Known(settings, salvage: salvage) }
        // The library's own mark says whose it is; without a mark it becomes a new one.
        let mark = (try? LibraryFolder.readMark(at: Array(library.utf8))).flatMap(\.self)
        let own = mark.flatMap { $0.device == earlier?.device ? $0 : nil }
        return Known(
            device: own?.device ?? earlier?.device ?? surroundings.identifier(),
            library: own?.library ?? surroundings.identifier(),
            markGeneration: own?.generation ?? 1, zone: nil, optimizesStorage: false,
            salvage: salvage)
    }

    private func checkLibrary(at path: String, known: Known?) throws(AgentError) {
        let mark: LibraryMark?
        do throws(DiskError) {
            mark = try LibraryFolder.readMark(at: Array(path.utf8))
        } catch {
            throw AgentError(
                .fileUnusable, "\(path) cannot be used as the library: \(error.text).", cause: error
            )
        }
        guard let mark, mark.library != known?.library else { return }
        throw AgentError(
            .libraryTaken,
            "\(path) is the library of another device: name another folder with --library.")
    }

    /// A damaged database is put aside first; what was salvaged goes into the new one.
    func store(
        _ settings: DeviceSettings, _ configuration: DeviceConfiguration,
        _ salvage: DatabaseSalvage?
    ) throws(AgentError) {
        let isAway = try isLibraryAway(configuration.library)
        do throws(DiskError) {
            if !isAway { try LibraryFolder.make(at: configuration.library) }
            // A mark that is there says what the folder is: only the agent, which compares it, or a
            // new device replaces it. Where it is not, the library's disk may be away: a mark in
            // the empty folder where that is mounted would make deletions of all that is on it.
            let mark = try LibraryFolder.readMark(at: Array(configuration.library.utf8))
            if salvage != nil || (mark != nil ? asNewDevice : !isAway) {
                try LibraryFolder.write(
                    LibraryMark(
                        library: settings.library, device: settings.device,
                        generation: settings.markGeneration, account: settings.account),
                    at: configuration.library)
            }
        } catch {
            throw AgentError(
                .fileUnusable,
                "The library's folder \(configuration.library) cannot be made: \(error.text).",
                cause: error)
        }
        if salvage != nil { try putDamagedAside() }
        do throws(RowsError) {
            let rows = try DatabaseRows(path: home.databasePath, evenDamaged: salvage != nil)
            try rows.transaction { () throws(RowsError) in
                try salvage?.restore(into: rows)
                try rows.save(settings)
                try rows.save(
                    StoredRoot(
                        id: .library, disk: DiskRoot(path: configuration.library), isOnce: false))
            }
        } catch {
            throw AgentError(rows: error)
        }
        if salvage != nil { DatabaseDamage.forget(home.databasePath) }
    }

    /// None of the files that the library had is at `path` any more.
    private func isLibraryAway(_ path: String) throws(AgentError) -> Bool {
        guard access(home.databasePath, F_OK) == 0, !DatabaseDamage.isNoted(home.databasePath)
        else { return false }
        do throws(RowsError) {
            let paths = try DatabaseRows(path: home.databasePath)
                .someLibraryPaths(limit: Limits.libraryFilesLookedForMax)
            return !paths.isEmpty
                && !paths.contains { file in
                    withName(Array(path.utf8) + [UInt8(ascii: "/")] + file.bytes) {
                        access($0, F_OK)
                    } == 0
                }
        } catch {
            throw AgentError(rows: error)
        }
    }

    private func putDamagedAside() throws(AgentError) {
        do throws(DiskError) {
            try DatabaseDamage.putAside(
                home.databasePath, now: surroundings.now().wall.milliseconds)
        } catch {
            throw AgentError(
                .homeUnusable,
                "The damaged database in \(home.path) cannot be put aside: \(error.text).",
                cause: error)
        }
    }
}

extension DeviceSignIn.Known {
    fileprivate init(_ settings: DeviceSettings, salvage: DatabaseSalvage?) {
        self.init(
            device: settings.device, library: settings.library,
            markGeneration: settings.markGeneration, zone: settings.zone,
            optimizesStorage: settings.optimizesStorage, salvage: salvage)
    }
}
