import Agent
import Library
import Records
import Status
import SyncEngine

// The library's folder, against the database; no file is opened.
extension Examinations {
    static var library: [Examination] {
        [
            Examination("mark", "The library's mark and disk", look: lookAtMark),
            Examination("folders", "Martlet's own folders in the library", look: lookAtFolders),
            Examination("files", "Files against the database", look: lookAtFiles),
            Examination("unreadable", "Files that could not be read", look: lookAtUnreadable),
            Examination("names", "Names and their case", look: lookAtNames),
            Examination("duplicates", "The same bytes more than once", look: lookAtDuplicates),
            Examination("previews", "Previews", look: lookAtPreviews),
            Examination(
                "leftovers", "Files in the making, and what was left behind", look: lookAtLeftovers),
            Examination("quarantine", "What repairs moved aside", look: lookAtQuarantine),
        ]
    }

    private static func lookAtMark(_ device: ExaminedDevice) -> Look {
        guard let library = device.library else { return .notPossible("not signed in") }
        let look: LibraryLook
        do throws(DiskError) {
            look = try LibraryFolder.examine(library)
        } catch {
            guard error == .inputOutput(errno: 84) else {
                return missing(library, error.text, device)
            }
            let evidence = ["path": "\(library)/.martlet/mark", "cause": "it is no mark"]
            return Look("it cannot be read", [Finding(.markDamaged, evidence)])
        }
        guard let mark = look.mark else {
            return missing(library, "its mark is not there", device)
        }
        var findings: [Finding] = []
        if let settings = device.settings {
            if let account = mark.account, account != settings.account {
                findings.append(
                    Finding(
                        .otherAccount,
                        ["libraryAccount": account.text, "account": settings.account.text], device))
            } else if mark.library != settings.library {
                return missing(library, "another library lies there", device)
            } else if mark.device != settings.device {
                findings.append(
                    Finding(.libraryInUseElsewhere, ["device": mark.device.text], device))
            }
        }
        if look.isReadOnly { findings.append(Finding(.readOnlyVolume, [:], device)) }
        if let tool = look.otherTool {
            findings.append(
                Finding(.otherSyncTool, ["tool": tool.name, "mark": tool.mark], device))
        }
        return Look("\(library) is marked, generation \(mark.generation)", findings)
    }

    private static func missing(
        _ library: String, _ cause: String, _ device: ExaminedDevice
    ) -> Look {
        Look(
            "it is not there",
            [Finding(.volumeMissing, ["path": library, "cause": cause], device)])
    }

    /// Whether the library lies where it should: what it lacks then means something.
    private static func isThere(_ device: ExaminedDevice) -> String? {
        guard let library = device.library, let look = try? LibraryFolder.examine(library),
            let mark = look.mark, let settings = device.settings,
            mark.library == settings.library
        else { return nil }
        return library
    }

    private static func lookAtFolders(_ device: ExaminedDevice) -> Look {
        guard let library = isThere(device) else { return .notPossible("the library is away") }
        let missing = LibraryFolder.missingFolders(at: library)
        guard !missing.isEmpty else { return Look("all are there") }
        return Look(
            "some are missing",
            [
                Finding(
                    .foldersMissing, ["folders": missing.joined(separator: ", ")], items: missing)
            ])
    }

    private static func lookAtFiles(_ device: ExaminedDevice) async -> Look {
        guard isThere(device) != nil else { return .notPossible("the library is away") }
        guard var walks = walk(device) else { return .notPossible("the database cannot be read") }
        if device.agentRuns, walks.contains(where: { $0.differences > 0 }) {
            // The agent may be about to see it.
            try? await device.surroundings.sleep(
                .milliseconds(Limits.agentNoticesMilliseconds))
            walks = walk(device) ?? walks
        }
        let count = walks.reduce(0) { $0 + $1.differences }
        let files = walks.reduce(0) { $0 + $1.fileCount }
        var findings: [Finding] = []
        for walk in walks {
            for (path, error) in walk.unreadable {
                findings.append(
                    Finding(.unreadableFile, ["path": path, "cause": error.text], device))
            }
        }
        if count > 0 {
            func sum(_ part: KeyPath<LibraryWalk, ItemSample>) -> String {
                "\(walks.reduce(0) { $0 + $1[keyPath: part].count })"
            }
            findings.append(
                Finding(
                    .filesChanged,
                    [
                        "items": EvidenceText.items(count), "new": sum(\.new),
                        "changed": sum(\.changed), "gone": sum(\.gone),
                    ], items: walks.flatMap(\.names)))
        }
        return Look("\(files) files in \(walks.count) folder trees", findings)
    }

    /// `nil`: the database cannot be read.
    private static func walk(_ device: ExaminedDevice) -> [LibraryWalk]? {
        try? device.database.read { (rows) throws(RowsError) in
            var walks: [LibraryWalk] = []
            for root in try rows.storedRoots() where !root.isOnce {
                walks.append(LibraryWalk(root, known: try rows.knownFiles(of: root.id)))
            }
            return walks
        }
    }

    private static func lookAtUnreadable(_ device: ExaminedDevice) -> Look {
        guard
            let files = try? device.database.read({ (rows) throws(RowsError) in
                try rows.unreadableFiles()
            })
        else { return .notPossible("the database cannot be read") }
        return Look(
            files.isEmpty ? "none" : "\(files.count) in all",
            files.map {
                Finding(
                    .unreadableFile, ["path": $0.path, "cause": $0.error.text], device,
                    items: [$0.path])
            })
    }

    private static func lookAtNames(_ device: ExaminedDevice) -> Look {
        guard
            let sample = try? device.database.read({ (rows) throws(RowsError) in
                try rows.clashingNames()
            })
        else { return .notPossible("the database cannot be read") }
        guard sample.count > 0 else { return Look("no two are the same") }
        let evidence = ["items": EvidenceText.items(sample.count)]
        return Look("some clash", [Finding(.nameClash, evidence, items: sample.names)])
    }

    private static func lookAtDuplicates(_ device: ExaminedDevice) -> Look {
        guard
            let sample = try? device.database.read({ (rows) throws(RowsError) in
                try rows.duplicateFiles()
            })
        else { return .notPossible("the database cannot be read") }
        guard sample.count > 0 else { return Look("none") }
        let evidence = [
            "items": EvidenceText.items(sample.count), "size": EvidenceText.bytes(sample.byteCount),
        ]
        return Look("some lie there twice", [Finding(.duplicates, evidence, items: sample.names)])
    }

    private static func lookAtPreviews(_ device: ExaminedDevice) -> Look {
        guard let library = isThere(device) else { return .notPossible("the library is away") }
        guard
            let placed = try? device.database.read({ (rows) throws(RowsError) in
                try rows.placedPreviews()
            })
        else { return .notPossible("the database cannot be read") }
        let walk = PreviewWalk(library, placed)
        let count = walk.missing.count + walk.cut.count
        guard count > 0 else { return Look("\(walk.count) lie in the library") }
        let names = walk.cut.map { $0.name.path.text } + walk.missing.map(\.path.text)
        return Look(
            "some are not whole",
            [Finding(.previewsMissing, ["items": EvidenceText.items(count)], items: names)])
    }

    static func leftovers(_ device: ExaminedDevice) -> Leftovers? {
        guard let library = isThere(device) else { return nil }
        let (isBusy, now) = (device.agentRuns, device.surroundings.now().wall)
        return try? device.database.read { (rows) throws(RowsError) in
            try Leftovers(library, rows, isBusy: isBusy, at: now)
        }
    }

    private static func lookAtLeftovers(_ device: ExaminedDevice) -> Look {
        guard let found = leftovers(device) else { return .notPossible("the library is away") }
        guard !found.files.isEmpty else { return Look("none") }
        let evidence = [
            "items": EvidenceText.items(found.files.count),
            "size": EvidenceText.bytes(found.byteCount),
        ]
        return Look(
            "\(found.files.count) in all",
            [Finding(.leftoverFiles, evidence, items: found.files.map(\.path.text))])
    }

    private static func lookAtQuarantine(_ device: ExaminedDevice) -> Look {
        guard let library = device.library else { return .notPossible("not signed in") }
        let batches = Quarantine.batches(in: library)
        guard !batches.isEmpty else { return Look("nothing") }
        let count = batches.reduce(0) { $0 + $1.held.count }
        let byteCount = batches.reduce(0) { $0 + $1.byteCount }
        let evidence = [
            "items": EvidenceText.items(count), "path": Quarantine.path(of: library),
            "size": EvidenceText.bytes(byteCount),
        ]
        return Look(
            "\(count) files of \(batches.count) repairs",
            [Finding(.quarantineHolds, evidence, items: batches.flatMap(\.held).map(\.path))])
    }
}
