import ArgumentParser
import Operations
import Records

/// Which backups are kept.
struct KeepOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which are kept: the newest of each of the last days, weeks and months.",
            valueName: "rule"))
    var keep = KeepRule.standard.text

    func rule() throws -> KeepRule { try KeepRule(parsing: keep) }
}

/// Which of a folder's backups is meant.
struct BackupChoice: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Which one, as martlet backup list names it; by default the newest.",
            valueName: "number"))
    var backup: Int64?

    var madeAt: Timestamp? { backup.map(Timestamp.init(milliseconds:)) }
}
