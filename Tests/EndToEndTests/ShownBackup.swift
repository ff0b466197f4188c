/// What `martlet backup --json` prints.
struct ShownBackup: Decodable {
    let objects: Int
    let copied: Int
    let epoch: Int64
    let missing: [String]
}

/// What `martlet restore --json` prints.
struct ShownRestore: Decodable {
    let copied: Int
    let kept: Int
    let adopted: Int
    let epoch: Int64
    let missing: [String]
    let aside: String?
}

/// What `martlet backup list --json` prints.
struct ShownBackups: Decodable {
    struct Backup: Decodable {
        let backup: Int64
        let objects: Int
        let provenAt: Int64?
    }

    let backups: [Backup]
}
