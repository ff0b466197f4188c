import Accounts
import Agent
import ArgumentParser
import Kernel
import Operations
import Records
import Storage
package import Status
package import SyncEngine
import WebServer
import Wire

/// The exit codes that scripts depend on (Documentation/command-line.md).
package enum CommandStatus: Int32, Sendable {
    case inSync = 0
    /// Not everything could be done; the reasons are printed.
    case incomplete = 3
    case usage = 64
    /// A bug.
    case software = 70
    /// The server cannot be reached, or something else passes by itself.
    case tryAgain = 75
    case signInNeeded = 77

    package init(_ outcome: Outcome) {
        switch outcome {
        case .inSync: self = .inSync
        case .incomplete: self = .incomplete
        case .serverUnreachable: self = .tryAgain
        case .signInNeeded: self = .signInNeeded
        }
    }

    /// What another process's agent says stands for its outcome.
    package init(_ status: LibraryStatus) {
        let codes = status.reasons.map(\.code)
        if codes.contains(.signInNeeded) {
            self = .signInNeeded
        } else if codes.contains(where: { Self.unreachable.contains($0) }) {
            self = .tryAgain
        } else {
            self = status.isAllDone ? .inSync : .incomplete
        }
    }

    private static let unreachable: [ReasonCode] = [
        .serverUnreachable, .serverDown, .serverMaintenance, .offline, .captivePortal, .vpnOrProxy,
    ]
}

/// What a command could not do, as people and programs are told.
package struct Complaint: Error, Hashable, Sendable {
    package let status: CommandStatus
    /// Stable, for programs.
    package let code: String
    /// A sentence that says what to do.
    package let message: String

    package init(_ status: CommandStatus, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// `nil` for errors of the command line itself, which ArgumentParser words.
    package init?(_ error: any Error) {
        switch error {
        case let complaint as Complaint: self = complaint
        case let error as AgentError:
            self.init(Self.status(of: error.code), error.code.rawValue, error.message)
        case let error as AccountsError: self.init(.usage, error.code.rawValue, error.message)
        case let error as ServerError:
            self.init(
                error.code == .dataFolderInUse || error.code == .addressInUse ? .tryAgain : .usage,
                error.code.rawValue, error.message)
        case let error as BackupError:
            self.init(
                error.code == .backupDamaged ? .incomplete : .usage, error.code.rawValue,
                error.message)
        case let error as PlansError: self.init(.usage, error.code.rawValue, error.message)
        case let error as MoveError:
            self.init(
                error.code == .objectsMissing || error.code == .rowsDiffer ? .incomplete : .usage,
                error.code.rawValue, error.message)
        case let error as AlertError:
            self.init(Self.status(of: error.code), error.code.rawValue, error.message)
        case let error as RecoveryError:
            self.init(
                error.code == .diskFull ? .incomplete : .usage, error.code.rawValue,
                error.message)
        case let error as StorageError:
            self.init(Self.status(of: error.code), error.code.rawValue, error.message)
        case let error as KernelError:
            self.init(.incomplete, error.code.rawValue, error.message)
        case let error as RecordsError: self.init(.usage, error.code.rawValue, error.message)
        default: return nil
        }
    }

    private static func status(of code: StorageError.Code) -> CommandStatus {
        switch code {
        case .busy, .unreachable, .objectStoreUnreachable: .tryAgain
        case .invalidPlace, .wrongPlace, .objectStoreRefused, .bucketNotFound, .bucketTaken,
            .wrongRegion, .databaseMoved, .databaseFromOlderVersion:
            .usage
        default: .incomplete
        }
    }

    private static func status(of code: AlertError.Code) -> CommandStatus {
        switch code {
        case .invalidChannel, .channelExists, .channelNotFound, .tooManyChannels: .usage
        case .unreachable, .timedOut, .unavailable: .tryAgain
        case .tlsFailed, .notSignedIn, .refused: .incomplete
        }
    }

    private static func status(of code: AgentError.Code) -> CommandStatus {
        switch code {
        case .notSignedIn, .signInNeeded: .signInNeeded
        case .serverUnreachable, .agentRuns: .tryAgain
        case .invalidConfiguration, .libraryTaken, .refused: .usage
        case .homeUnusable, .databaseDamaged, .databaseFromNewerVersion, .diskFull, .fileUnusable,
            .digestMismatch:
            .incomplete
        }
    }
}
