/// The stable code of a remedy (Documentation/troubleshooting.md).
package enum RemedyCode: String, Hashable, Sendable, Codable, CaseIterable {
    case retryNow
    case reconcile
    case sendAgain
    case restartAgent
    case makePrivate
    case makeFolders
    case rebuildDerived
    case rebuildPreviews
    case setAsideLeftovers
    case repairDatabase
    case markAnew
    case fetchGoodCopy
    case mendServer
    case signInAgain
    case startOver
    case restoreServer
}

/// What is true of one remedy: what it does, how long it takes, its risk, and how to undo it.
///
/// Every remedy proves its finding again at the moment it acts, moves aside instead of deleting,
/// refuses what covers an implausible share of the library, and never lowers the number of
/// verified copies (P10).
package struct RemedyRule: Hashable, Sendable {
    package enum Risk: String, Hashable, Sendable, Codable {
        case none
        case veryLow = "very low"
        case low
        case stated = "stated item by item"
    }

    package let code: RemedyCode
    /// Lower ones come first; from 1 to 4 `--fix` asks nothing.
    package let rung: Int
    /// What it is called.
    package let title: String
    /// What it does, as a sentence.
    package let action: String
    package let time: String
    package let risk: Risk
    /// How to undo it, as a sentence.
    package let undo: String
    /// What it is best for.
    package let bestFor: String
    /// From 1 (hard) to 5 (nothing to do).
    package let ease: Int

    /// What a person runs to begin it; `nil` when `martlet doctor --fix` does.
    ///
    /// No finding proposes a remedy that has one.
    package let command: String?

    /// Done by `--fix` without a question.
    package var isRiskless: Bool { rung <= RemedyTable.risklessRungMax }

    init(
        _ code: RemedyCode, rung: Int, _ title: String, _ action: String, time: String,
        risk: Risk = .none, undo: String, bestFor: String, ease: Int = 5,
        command: String? = nil
    ) {
        self.code = code
        self.rung = rung
        self.title = title
        self.action = action
        self.time = time
        self.risk = risk
        self.undo = undo
        self.bestFor = bestFor
        self.ease = ease
        self.command = command
    }
}

/// Every remedy, the least risk first.
package enum RemedyTable {
    package static let risklessRungMax = 4

    package static func rule(of code: RemedyCode) -> RemedyRule? {
        rules.first { $0.code == code }
    }

    private static let nothing = "There is nothing to undo."

    package static let rules: [RemedyRule] = [
        RemedyRule(
            .retryNow, rung: 1, "Try again now",
            "Reads the evidence again, asks for names and addresses anew, and tries at once what "
                + "was to be tried later.",
            time: "seconds", undo: nothing, bestFor: "what waits for its next try"),
        RemedyRule(
            .reconcile, rung: 2, "Compare and sync",
            "Compares the folders and the server's list with the database, and syncs what differs.",
            time: "seconds to minutes", undo: nothing,
            bestFor: "files that were overlooked, and an agent that did not run"),
        RemedyRule(
            .sendAgain, rung: 2, "Send again",
            "Sends the bytes that the server lacks, after reading them here once more.",
            time: "as long as an upload", undo: nothing,
            bestFor: "a server that lost an object"),
        RemedyRule(
            .restartAgent, rung: 3, "Restart the service",
            "Restarts this device's agent as a service of its user.",
            time: "seconds", undo: nothing, bestFor: "an agent that does not answer"),
        RemedyRule(
            .makePrivate, rung: 4, "Make private",
            "Lets nobody but you read this device's secrets.",
            time: "at once", undo: "Change the file's mode back.",
            bestFor: "a token that others can read"),
        RemedyRule(
            .makeFolders, rung: 4, "Make Martlet's folders",
            "Makes the folders that Martlet needs in the library.",
            time: "at once", undo: "Remove the empty folders.",
            bestFor: "a .martlet folder that was tidied up"),
        RemedyRule(
            .rebuildDerived, rung: 4, "Rebuild what is derived",
            "Makes the database's indexes and the columns that follow from other rows anew.",
            time: "seconds", undo: nothing, bestFor: "wrong counts and overlooked items"),
        RemedyRule(
            .rebuildPreviews, rung: 4, "Fetch previews again",
            "Moves previews that are cut short aside, and lets the missing ones be fetched again.",
            time: "minutes", undo: "Run martlet doctor undo.",
            bestFor: "grey or broken previews"),
        RemedyRule(
            .setAsideLeftovers, rung: 4, "Move leftovers aside",
            "Moves temporary files that nobody needs any more into the quarantine folder.",
            time: "at once", undo: "Run martlet doctor undo.",
            bestFor: "space that unfinished work takes"),
        RemedyRule(
            .repairDatabase, rung: 5, "Repair the database",
            "Moves the damaged database aside, keeps what can be read of your choices, and makes a "
                + "new one from the files and the server: nothing is sent or fetched again, and "
                + "nothing counts as deleted.",
            time: "minutes to an hour", risk: .veryLow,
            undo: "The damaged database stays beside the new one.",
            bestFor: "a database that fails its own check", ease: 4),
        RemedyRule(
            .markAnew, rung: 5, "Mark the library anew",
            "Moves the mark that cannot be read aside and writes this device's; what the folder "
                + "lacks is fetched again, and nothing counts as deleted.",
            time: "seconds", risk: .veryLow, undo: "Run martlet doctor undo.",
            bestFor: "a library whose mark was damaged", ease: 4),
        RemedyRule(
            .fetchGoodCopy, rung: 6, "Fetch a good copy",
            "Fetches the good bytes from the server, proves them, moves the bad file aside and puts "
                + "the good one into its place.",
            time: "minutes", risk: .low, undo: "Run martlet doctor undo.",
            bestFor: "originals that a disk has damaged", ease: 4),
        RemedyRule(
            .mendServer, rung: 6, "Mend the server's database",
            "Makes a new database from every row that is proven, puts damage of single bits right "
                + "by the rows' sums, makes anew what follows from records, and moves the damaged "
                + "database aside; devices compare, and send what it lacks.",
            time: "minutes", risk: .low, undo: "Run martlet doctor undo --server.",
            bestFor: "a server whose database a disk has damaged", ease: 3),
        RemedyRule(
            .signInAgain, rung: 7, "Sign in again",
            "Signs this device in anew; its files, and what you decided here, stay.",
            time: "a minute", risk: .low, undo: nothing,
            bestFor: "a changed password, and a device that was signed out elsewhere", ease: 3,
            command: "martlet login"),
        RemedyRule(
            .startOver, rung: 8, "Start over from the server",
            "Asks the server to read back its copy of every original of the library, and refuses, "
                + "with a list, while one is unproven; then the originals leave this device and "
                + "are fetched again.",
            time: "hours", risk: .low, undo: "What has left is fetched again by itself.",
            bestFor: "a library that nothing above has helped", ease: 2,
            command: "martlet doctor start-over"),
        RemedyRule(
            .restoreServer, rung: 9, "Restore the server",
            "Puts the server's latest backup into an empty folder; devices compare, and send what "
                + "it lacks.",
            time: "hours", risk: .stated, undo: "The damaged server's folder stays as it is.",
            bestFor: "a server whose disk or database is lost", ease: 1,
            command: "martlet restore"),
    ]
}
