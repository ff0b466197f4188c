import Agent
import Records
import Status
import SyncEngine

// The device's database, against itself.
extension Examinations {
    static var database: [Examination] {
        [
            Examination("database", "The device's database", look: lookAtDatabase),
            Examination("databasesKept", "Databases that repairs kept", look: lookAtKeptDatabases),
        ]
    }

    private static func lookAtDatabase(_ device: ExaminedDevice) -> Look {
        guard case .success = device.configuration else { return .notPossible("not signed in") }
        guard DeviceFiles.exists(device.home.databasePath) else {
            return Look("it is not there", [Finding(.databaseMissing)])
        }
        let look: DatabaseLook
        do throws(AgentError) {
            look = try device.database.read { (rows) throws(RowsError) in
                _ = try rows.settings
                return try rows.look()
            }
        } catch {
            if DeviceFiles.isOlder(error) {
                return .notPossible("it is of an older Martlet: martlet sync updates it")
            }
            return Look("it cannot be read", [finding(error, device)])
        }
        if let cause = look.damage.first {
            return Look(
                "it is damaged",
                [Finding(.libraryDamaged, ["cause": cause], device, items: look.damage)])
        }
        var findings: [Finding] = []
        if !look.missingIndexes.isEmpty {
            findings.append(
                Finding(
                    .indexMissing,
                    ["indexes": look.missingIndexes.prefix(3).joined(separator: ", ")],
                    items: look.missingIndexes))
        }
        if let cause = look.wrongIndexes.first {
            findings.append(Finding(.indexWrong, ["cause": cause], items: look.wrongIndexes))
        }
        if look.disagreeingRows > 0 {
            findings.append(
                Finding(.rowsDisagree, ["items": EvidenceText.items(look.disagreeingRows)]))
        }
        let size = EvidenceText.bytes(DeviceFiles.byteCount(device.home.databasePath))
        return Look("\(look.tables) tables, \(size), every page read", findings)
    }

    private static func finding(_ error: AgentError, _ device: ExaminedDevice) -> Finding {
        let cause = (error.cause as? RowsError)?.cause ?? error.message
        return switch error.code {
        case .databaseDamaged: Finding(.libraryDamaged, ["cause": cause.asCause], device)
        case .databaseFromNewerVersion: Finding(.databaseFromNewerVersion)
        default: Finding(.databaseUnusable, ["cause": cause.asCause])
        }
    }

    private static func lookAtKeptDatabases(_ device: ExaminedDevice) -> Look {
        let kept = DeviceFiles.names(in: device.home.path).filter {
            $0.hasPrefix("device.sqlite-damaged-") && !$0.hasSuffix("-wal") && !$0.hasSuffix("-shm")
        }
        guard !kept.isEmpty else { return Look("none") }
        let byteCount = kept.reduce(0) {
            $0 + DeviceFiles.byteCount("\(device.home.path)/\($1)")
        }
        let evidence = [
            "items": EvidenceText.items(kept.count), "path": device.home.path,
            "size": EvidenceText.bytes(byteCount),
        ]
        return Look(
            "\(kept.count) in all", [Finding(.damagedDatabaseKept, evidence, items: kept)])
    }
}
