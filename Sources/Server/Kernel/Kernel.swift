package import Records
import Storage

/// Zones, records and blobs: the one small model under every service.
///
/// What holds always, after each transaction:
/// - A zone's head rises by one in each commit; each record carries its latest commit's number.
/// - No byte that a record or a retained revision refers to is without a holding, and none that
///   somebody holds is ever handed to the collector.
/// - A deletion or an overwrite of blobs leaves a retained revision for days that the server
///   lived through; no client can shorten it (P3).
/// - Requests look at the holdings of their own account only.
///
/// Every function is synchronous and runs in one transaction that the caller begins and ends.
/// Time and randomness are handed in, so the same code runs in the simulator.
package struct Kernel: Sendable {
    let randomNumber: @Sendable () -> UInt64
    private let schemas: [any RecordSchema]

    package init(
        randomNumber: @escaping @Sendable () -> UInt64, schemas: [any RecordSchema] = []
    ) {
        self.randomNumber = randomNumber
        self.schemas = schemas
    }

    func schema(for zone: Zone) -> (any RecordSchema)? {
        schema(forKind: zone.kind)
    }

    /// The tables of all services that follow from records.
    package var projectionTables: [String] { schemas.flatMap(\.projectionTables) }

    func schema(forKind kind: String) -> (any RecordSchema)? {
        schemas.first { $0.zoneKind == kind }
    }

    func newIdentifier<Subject>() -> Identifier<Subject> {
        Identifier(high: randomNumber(), low: randomNumber())
    }
}

/// Who asks: an account, through one of its devices.
package struct Actor: Hashable, Sendable {
    package let account: AccountID
    package let device: DeviceID

    package init(account: AccountID, device: DeviceID) {
        self.account = account
        self.device = device
    }

    /// The server itself, for what it makes on an account's behalf (facts, renderings).
    package static func server(for account: AccountID) -> Actor {
        Actor(account: account, device: DeviceID(high: 0, low: 0))
    }
}

/// The unit of order, sync, sharing and encryption.
package struct Zone: Hashable, Sendable {
    package enum Encryption: Int64, Sendable {
        case none = 0
        /// Only its members can read it; reserved.
        case members = 1
    }

    package let id: ZoneID
    package let owner: AccountID
    package let kind: String
    package let encryption: Encryption
    /// 32 random bytes for ids made from content; given to members only.
    package let idKey: [UInt8]
    package let epoch: Epoch
    /// The number of the latest commit; 0 before the first.
    package let head: Int64
    package let headStamp: UInt64

    package var token: ChangeToken {
        ChangeToken(epoch: epoch, sequence: head, stamp: headStamp)
    }
}

/// The kinds of the zones that come with an account.
package enum ZoneKind {
    package static let photos = "photos"
    package static let account = "account"
}

/// What became of a commit request.
package struct CommitReceipt: Hashable, Sendable {
    /// In the request's order.
    package let results: [GroupResult]
    /// The zone's state after it.
    package let token: ChangeToken
    /// Whether the head rose, so that others must hear of it.
    package let changed: Bool
}
