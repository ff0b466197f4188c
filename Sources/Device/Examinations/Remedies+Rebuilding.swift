import Agent
import Library
import Records
import Status
import SyncEngine

// Rungs 4 to 6: what is derived is made anew, what is damaged is replaced.
extension Remedies {
    func makePrivate() -> RemedyOutcome {
        let open = Secrets.readableByOthers(home)
        guard !open.isEmpty else { return .notNeeded }
        for path in open where !Secrets.makePrivate(path) {
            return .refused("The mode of \(path) cannot be changed: check who owns it.")
        }
        return .done("Only you can read \(open.joined(separator: " and ")).")
    }

    func makeFolders() throws(AgentError) -> RemedyOutcome {
        let library = try markedLibrary()
        let missing = LibraryFolder.missingFolders(at: library)
        guard !missing.isEmpty else { return .notNeeded }
        do throws(DiskError) { try LibraryFolder.make(at: library) } catch {
            return .refused("The folders cannot be made: \(error.text).")
        }
        return .done("\(missing.joined(separator: ", ")) were made.")
    }

    func rebuildDerived() throws(AgentError) -> RemedyOutcome {
        let look = try database.read { (rows) throws(RowsError) in try rows.look() }
        guard look.damage.isEmpty else {
            return .refused("The database is damaged: it is repaired as a whole.")
        }
        guard
            !look.missingIndexes.isEmpty || !look.wrongIndexes.isEmpty || look.disagreeingRows > 0
        else { return .notNeeded }
        try database.writeDurably { (rows) throws(RowsError) in try rows.rebuildDerived() }
        return .done("Indexes and derived columns were made anew.")
    }

    /// The library's folder, if its mark says that it is this device's.
    private func markedLibrary() throws(AgentError) -> String {
        let library = try home.configuration().library
        let settings = try database.settings()
        let mark = (try? LibraryFolder.examine(library))?.mark
        guard let mark, mark.library == settings.library, mark.device == settings.device else {
            throw AgentError(
                .fileUnusable, "The library is not at \(library): reconnect its disk first.")
        }
        return library
    }

    private func quarantine(_ library: String, _ code: RemedyCode) -> Quarantine {
        Quarantine(
            library: library, remedy: code.rawValue, at: question.surroundings.now().wall)
    }

    func setAsideLeftovers() async throws(AgentError) -> RemedyOutcome {
        let library = try markedLibrary()
        let device = await ExaminedDevice.gather(question)
        let found = Examinations.leftovers(device)?.files ?? []
        await device.close()
        guard !found.isEmpty else { return .notNeeded }
        var quarantine = quarantine(library, .setAsideLeftovers)
        var count = 0
        for file in found {
            do throws(DiskError) {
                try quarantine.take(file.path, file.stamp)
                count += 1
            } catch {
                // One that changed or went meanwhile is somebody's.
                guard error == .changed || error == .notFound else {
                    return .refused("\(file.path.text) cannot be moved aside: \(error.text).")
                }
            }
        }
        return .done(
            "Moved aside, into \(Quarantine.path(of: library)): \(EvidenceText.items(count)).")
    }

    func rebuildPreviews() async throws(AgentError) -> RemedyOutcome {
        let library = try markedLibrary()
        let placed = try database.read { (rows) throws(RowsError) in try rows.placedPreviews() }
        let walk = PreviewWalk(library, placed)
        guard !walk.missing.isEmpty || !walk.cut.isEmpty else { return .notNeeded }
        var quarantine = quarantine(library, .rebuildPreviews)
        var wanted = walk.missing
        for (name, stamp) in walk.cut {
            if (try? quarantine.take(name.path, stamp)) != nil { wanted.append(name) }
        }
        try database.write { [wanted] (rows) throws(RowsError) in
            for name in wanted { try rows.removePreview(of: name.asset) }
        }
        return try await finish("\(EvidenceText.items(wanted.count)) get their previews again.")
    }

    /// A repair that changed files or rows is followed by a comparison.
    private func finish(_ text: String) async throws(AgentError) -> RemedyOutcome {
        let outcome = try await sync()
        guard outcome.isDone else { return .done("\(text) \(outcome.sentence)") }
        return .done(text)
    }

    // MARK: The database

    func repairDatabase() async throws(AgentError) -> RemedyOutcome {
        guard let outcome = try await DatabaseRepair(home, question.surroundings).run() else {
            return .notNeeded
        }
        let kept =
            "\(outcome.sources) sources, \(outcome.choices) choices and "
            + "\(outcome.decisions) decisions were kept"
        guard await ControlClient(home).ask(.status) == nil else {
            return .done("The database was made anew; \(kept). The agent goes on with it.")
        }
        return try await finish("The database was made anew; \(kept).")
    }

    // MARK: The mark

    func markAnew() async throws(AgentError) -> RemedyOutcome {
        let library = try home.configuration().library
        let settings = try database.settings()
        let look = try database.read { (rows) throws(RowsError) in
            (
                generations: try rows.markGenerations(), known: try rows.knownFiles(of: .library)
            )
        }
        let root = StoredRoot(id: .library, disk: DiskRoot(path: library), isOnce: false)
        let walk = LibraryWalk(root, known: look.known)
        let goneCount = walk.gone.count
        if !look.known.isEmpty, goneCount == look.known.count {
            return .refused(
                "None of the library's files is at \(library): reconnect its disk first.")
        }
        // Of a folder that lacks files nobody can say whether it is of one time with the database:
        // a generation that is not known makes it a restored library, in which nothing is deleted.
        let known = max(look.generations.written, look.generations.announced ?? 0)
        let generation = goneCount == 0 ? known : known + 1_000
        var quarantine = quarantine(library, .markAnew)
        do throws(DiskError) {
            let isMarked = try LibraryMending(library: library).markAnew(
                LibraryMark(
                    library: settings.library, device: settings.device, generation: generation,
                    account: settings.account), &quarantine)
            guard isMarked else { return .notNeeded }
        } catch {
            return .refused("The mark cannot be replaced: \(error.text).")
        }
        return try await finish("\(library) is marked as this device's library.")
    }

    // MARK: Single items

    func fetchGoodCopies() async throws(AgentError) -> RemedyOutcome {
        let library = try markedLibrary()
        let configuration = try home.configuration()
        let settings = try database.settings()
        let files = try database.read { (rows) throws(RowsError) in try rows.agreedFiles() }
        let mending = LibraryMending(library: library)
        let bad = Rereading.differing(home, files).filter {
            !mending.isGood($0) && mending.isUnchanged($0)
        }
        guard !bad.isEmpty else { return .notNeeded }
        if let why = Self.implausible(bad.count, of: files.count) { return .refused(why) }
        guard let client = ExaminedDevice.client(home, configuration) else {
            return .refused("This device is not signed in: run martlet login.")
        }
        let requests = RepairRequests(
            home, configuration, settings, client, question.surroundings)
        var quarantine = quarantine(library, .fetchGoodCopy)
        var (count, failed): (Int, String?) = (0, nil)
        for file in bad {
            do throws(RequestFailure) {
                if try await mending.replace(file, by: requests, &quarantine) { count += 1 }
            } catch {
                failed = "\(file.place.path.text): \(error.sentence)"
            }
        }
        await requests.stop()
        await client.shutdown()
        if let failed { return .refused("\(count) of \(bad.count) were mended. \(failed)") }
        return try await finish(
            "\(EvidenceText.items(count)) have good bytes again; the bad ones lie in "
                + "\(Quarantine.path(of: library)).")
    }
}
