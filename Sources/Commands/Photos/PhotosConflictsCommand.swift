import Agent
import ArgumentParser
import Library
import Records
import Status
import SyncEngine

/// Pictures that were changed on two devices: both versions are kept until somebody answers.
struct PhotosConflictsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conflicts",
        abstract: "Pictures that were changed on two devices, both versions side by side.",
        subcommands: [List.self, Keep.self], defaultSubcommand: List.self)

    struct Version: Encodable {
        let id: String
        let name: String
        let device: String?
        let isThisDevice: Bool
        let changedAt: Int64
        let byteCount: Int64
        let digest: String
        let path: String?
    }

    struct Item: Encodable {
        let name: String
        let since: Int64
        let versions: [Version]
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show them.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let items = try DeviceDatabase(home).read { (rows) throws(RowsError) in
                let sides = try Sides(rows)
                var items: [Item] = []
                for conflict in try Conflicts.list(rows) {
                    items.append(try sides.item(conflict, rows))
                }
                return items
            }
            if output.json { return try Output.json(items) }
            for item in items {
                Output.line(item.name)
                for version in item.versions { Output.line("  \(Self.line(version))") }
            }
            Output.line(
                items.isEmpty
                    ? "Nothing was changed on two devices."
                    : "To answer: martlet photos conflicts keep this|other|both ITEM…, or --all.")
        }

        private static func line(_ version: Version) -> String {
            let device = version.device ?? "another device"
            return [
                version.isThisDevice ? "\(device) (this device)" : device,
                StoryText.time(Timestamp(milliseconds: version.changedAt)),
                EvidenceText.bytes(version.byteCount), String(version.digest.prefix(12)),
                version.path ?? version.name,
            ].joined(separator: "  ")
        }
    }

    struct Keep: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer: keep one version or both; the other goes to Recently Deleted.")

        @Argument(
            help: ArgumentHelp(
                "this, other or both (not with --device), then items: paths, names or ids of "
                    + "either version.",
                valueName: "version and items"))
        var words: [String] = []

        @Option(help: ArgumentHelp("Keep what this device made.", valueName: "name"))
        var device: String?

        @Flag(help: "All of them.")
        var all = false

        @OptionGroup var output: OutputOptions

        struct Result: Encodable {
            let kept: String
            let items: [PhotoDecisions.Item]
            /// Of those that this says nothing about.
            let left: Int
        }

        private var choice: String? { device == nil ? words.first : nil }
        private var items: [String] { device == nil ? Array(words.dropFirst()) : words }

        func validate() throws {
            if device == nil {
                guard let choice, ["this", "other", "both"].contains(choice) else {
                    throw ValidationError("Say which: this, other, both, or --device NAME.")
                }
                guard all != !items.isEmpty else {
                    throw ValidationError("Name items, or --all.")
                }
            } else if all, !items.isEmpty {
                throw ValidationError("Name items, or --all.")
            }
        }

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let now = Surroundings.machine().now().wall
            let (names, choice, device) = (items, choice, device)
            let answers = try DeviceDatabase(home).writeDurably { (rows) throws(RowsError) in
                var answers = Answers()
                let sides = try Sides(rows)
                let wanted = try Self.conflicts(named: names, rows, at: now, &answers)
                guard answers.complaint == nil else { return answers }
                var chosen: [(conflict: Conflicts.Conflict, choice: Conflicts.Choice)] = []
                for conflict in wanted {
                    if conflict.versions.contains(where: \.isReadOnly) {
                        answers.left.append(conflict)
                    } else if let choice = sides.choice(choice, device, of: conflict) {
                        chosen.append((conflict, choice))
                    } else {
                        answers.left.append(conflict)
                    }
                }
                // Of items that were named, all or none.
                guard names.isEmpty || answers.left.isEmpty else { return answers }
                for (conflict, choice) in chosen {
                    // An earlier answer may have settled it.
                    guard let open = try Conflicts.list(rows).first(where: { $0.isAbout(conflict) })
                    else { continue }
                    try Conflicts.keep(choice, of: open, rows, at: now)
                    answers.done.append(
                        try PhotoDecisions(rows, at: now).item(open.kept(choice)))
                }
                return answers
            }
            if let complaint = answers.complaint { throw complaint }
            try await tell(answers, kept: device ?? choice ?? "", home)
        }

        private func tell(_ answers: Answers, kept: String, _ home: DeviceHome) async throws {
            if answers.done.isEmpty, let conflict = answers.left.first {
                throw Complaint(
                    .incomplete, "notDecided",
                    "\(conflict.original.name) has no version of \(kept) alone: its versions are "
                        + "of \(conflict.devices). Say keep --device NAME, or both.")
            }
            let hears = await ControlClient(home).ask(.userDecided) != nil
            if output.json {
                try Output.json(
                    Result(kept: kept, items: answers.done, left: answers.left.count))
            } else {
                for item in answers.done { Output.line("\(item.name): kept") }
                for conflict in answers.left {
                    Output.line("\(conflict.original.name): left, it is of \(conflict.devices)")
                }
                if answers.done.isEmpty, answers.left.isEmpty {
                    Output.line("Nothing was changed on two devices.")
                }
                if !hears, !answers.done.isEmpty {
                    Output.line("Other devices hear of it with the next sync.")
                }
            }
            if !answers.left.isEmpty { throw ExitCode(CommandStatus.incomplete.rawValue) }
        }

        private static func conflicts(
            named names: [String], _ rows: DatabaseRows, at now: Timestamp,
            _ answers: inout Answers
        ) throws(RowsError) -> [Conflicts.Conflict] {
            let open = try Conflicts.list(rows)
            guard !names.isEmpty else { return open }
            let found = try PhotoDecisions(rows, at: now).find(names, in: .library)
            answers.complaint = DecisionCommand.complaint(of: found, .library)
            var wanted: [Conflicts.Conflict] = []
            for item in found.items {
                guard
                    let conflict = open.first(where: { conflict in
                        conflict.versions.contains { $0.asset == item.id }
                    })
                else {
                    answers.complaint =
                        answers.complaint
                        ?? Complaint(
                            .incomplete, "noConflict",
                            "\(item.name) is not among martlet photos conflicts.")
                    continue
                }
                if !wanted.contains(conflict) { wanted.append(conflict) }
            }
            return wanted
        }
    }
}

/// What became of the conflicts that an answer was about.
private struct Answers: Sendable {
    var complaint: Complaint?
    var done: [PhotoDecisions.Item] = []
    var left: [Conflicts.Conflict] = []
}

/// Which of two versions is this device's.
private struct Sides {
    let device: String
    private let roots: [RootID: String]

    init(_ rows: DatabaseRows) throws(RowsError) {
        device = try rows.settings.deviceName
        var roots: [RootID: String] = [:]
        for root in try rows.roots { roots[root.id] = root.path }
        self.roots = roots
    }

    func item(
        _ conflict: Conflicts.Conflict, _ rows: DatabaseRows
    ) throws(RowsError) -> PhotosConflictsCommand.Item {
        var versions: [PhotosConflictsCommand.Version] = []
        for version in conflict.versions {
            let place = try rows.localFiles(with: version.digest).first?.place
            versions.append(
                PhotosConflictsCommand.Version(
                    id: version.asset.text, name: version.name, device: version.device,
                    isThisDevice: version.device == device,
                    changedAt: version.changedAt.milliseconds, byteCount: version.byteCount,
                    digest: version.digest.text,
                    path: place.flatMap { place in
                        roots[place.root].map {
                            $0 + "/" + FileName.cleaned(place.path.bytes).text
                        }
                    }))
        }
        return PhotosConflictsCommand.Item(
            name: conflict.original.name, since: conflict.since.milliseconds, versions: versions)
    }

    /// `nil`: that names none of the two, or both.
    func choice(
        _ word: String?, _ named: String?, of conflict: Conflicts.Conflict
    ) -> Conflicts.Choice? {
        if word == "both" { return .both }
        let own = conflict.versions.filter { $0.device == named ?? device }
        guard own.count == 1 else { return nil }
        guard word == "other" else { return .version(own[0].asset) }
        return conflict.versions.first { $0.asset != own[0].asset }.map { .version($0.asset) }
    }
}

extension Conflicts.Conflict {
    fileprivate var devices: String {
        versions.map { $0.device ?? "another device" }.joined(separator: " and ")
    }

    /// The same copy, whatever it stands against by now.
    fileprivate func isAbout(_ other: Conflicts.Conflict) -> Bool {
        copy.asset == other.copy.asset
    }

    fileprivate func kept(_ choice: Conflicts.Choice) -> RecordID {
        switch choice {
        case .both: original.asset
        case .version(let asset): asset
        }
    }
}
