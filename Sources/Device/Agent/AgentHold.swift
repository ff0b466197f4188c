import Records
import Status
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Why no engine runs in a running agent: its database cannot be used.
///
/// The agent stays, says so here and to the server, and goes on by itself when it can.
struct AgentHold: Sendable {
    let error: RowsError
    let since: Timestamp
    let home: DeviceHome

    /// Derived from what the disk says now (P6).
    var reason: Reason {
        switch error.code {
        case .damaged: Reason(.libraryDamaged, ["cause": error.cause], since: since)
        case .diskFull: deviceFull
        case .unavailable where freeByteCount < Limits.homeFreeByteCountMin: deviceFull
        case .unavailable, .newerVersion:
            Reason(
                .unreadableFile, ["path": home.databasePath, "cause": error.cause], since: since)
        }
    }

    private var deviceFull: Reason {
        Reason(
            .deviceFull, ["path": home.path, "free": EvidenceText.bytes(freeByteCount)],
            since: since)
    }

    private var freeByteCount: Int64 {
        var information = statvfs()
        guard statvfs(home.path, &information) == 0 else { return 0 }
        return Int64(clamping: UInt64(information.f_bavail) * UInt64(information.f_frsize))
    }

    /// Whether another life is worth trying.
    var mayHaveCleared: Bool {
        switch error.code {
        case .damaged: !DatabaseDamage.isNoted(home.databasePath)
        case .diskFull: freeByteCount >= Limits.homeFreeByteCountMin
        case .unavailable, .newerVersion: true
        }
    }

    /// What is known without the engine, with the reason.
    func status(_ surroundings: Surroundings) -> LibraryStatus {
        let observed = try? DeviceDatabase(home).observedStatus(surroundings)
        var status = observed ?? LibraryStatus(state: .upToDate)
        let own = reason
        status.reasons = ReasonTable.ranked(
            status.reasons.filter { $0.code != .agentNotRunning && $0.code != own.code } + [own])
        status.state = LibraryState(of: status.reasons, at: surroundings.now().wall)
        return status
    }
}
