import HTTPTypes
import Accounts
import Hummingbird
import Kernel
import NIOCore
import Operations
import Records
import Storage
import Wire

/// Every error of the layers below, as HTTP says it: the one place that knows.
extension APIError {
    init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as ErrorReply: self.init(.badRequest, error.code, error.message)
        case let error as KernelError: self.init(kernel: error)
        case let error as StorageError: self.init(storage: error)
        case let error as AccountsError: self.init(accounts: error)
        case let error as PlansError: self.init(plans: error)
        case let error as RecordsError:
            self.init(.badRequest, error.code.rawValue, error.message)
        case let error as PackError: self.init(pack: error)
        case let error as any HTTPResponseError: self.init(framework: error)
        default:
            self.init(
                .internalServerError, "internalError",
                "The server failed: its log says why under this request's id.", cause: error)
        }
    }

    private init(kernel error: KernelError) {
        if error.code == .storage, let storage = error.cause as? StorageError {
            self.init(storage: storage)
            return
        }
        self.init(
            Self.status(of: error.code), error.code.rawValue, error.message, cause: error.cause)
    }

    private static func status(of code: KernelError.Code) -> HTTPResponse.Status {
        switch code {
        case .zoneNotFound, .accountNotFound, .recordNotFound, .blobNotFound, .uploadNotFound:
            .notFound
        case .changeTokenExpired, .serverRolledBack: .gone
        case .notAllowed: .forbidden
        case .conflict, .notVerified: .conflict
        case .overQuota, .stagedFull, .tooManyRecords: .contentTooLarge
        case .tooManyUploads: .tooManyRequests
        case .invalidName, .invalidRecord, .invalidReceipt: .badRequest
        case .storage: .internalServerError
        }
    }

    private init(storage error: StorageError) {
        switch error.code {
        case .diskFull:
            self.init(.insufficientStorage, "serverStorageFull", error.message, cause: error)
        case .busy, .transactionLost, .interrupted, .unreachable:
            self.init(
                .serviceUnavailable, error.code.rawValue, error.message, retryAfterSeconds: 2,
                cause: error)
        case .objectStoreUnreachable:
            // Its message names the operator's own machines.
            self.init(
                .serviceUnavailable, error.code.rawValue,
                "The server's object store does not answer: wait a little, or tell its owner.",
                retryAfterSeconds: Limits.objectStoreRetrySeconds, cause: error)
        case .objectNotFound:
            self.init(.notFound, "blobLost", "The server has lost these bytes.", cause: error)
        case .offsetMismatch:
            self.init(.conflict, error.code.rawValue, error.message)
        default:
            self.init(
                .internalServerError, "storageFailed",
                "The server's storage failed: its log says why.", cause: error)
        }
    }

    private init(accounts error: AccountsError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .signInFailed, .signInNeeded: .unauthorized
            case .accountDisabled: .forbidden
            case .tooManySignIns: .tooManyRequests
            case .signInsBusy, .hashingFailed: .serviceUnavailable
            case .accountNotFound, .deviceNotFound, .serviceNotFound: .notFound
            case .accountExists, .labelExists, .tooManyDevices: .conflict
            case .invalidName, .invalidPassword: .badRequest
            }
        self.init(
            status, error.code.rawValue, error.message,
            retryAfterSeconds: error.retryAfterSeconds, cause: error.cause)
    }

    private init(plans error: PlansError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .planNotFound, .planRequestNotFound: .notFound
            case .invalidPlan: .badRequest
            case .planInUse, .tooManyPlans, .planHeldAlready: .conflict
            }
        self.init(status, error.code.rawValue, error.message)
    }

    private init(pack error: PackError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .notAPack, .truncatedPack: .badRequest
            case .blobTooLarge, .tooManyBlobs, .packTooLarge: .contentTooLarge
            }
        self.init(status, error.code.rawValue, error.message)
    }

    private init(framework error: any HTTPResponseError) {
        switch error.status {
        case .notFound:
            self = .notFound
        case .contentTooLarge:
            self = .tooLarge("bodyTooLarge", byteCountMax: Int64(Limits.jsonBodyByteCountMax))
        default:
            self.init(
                error.status, "invalidRequest",
                "The request cannot be read: check its address and its parameters.", cause: error)
        }
    }
}
