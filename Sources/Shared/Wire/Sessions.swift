package import Records
package import Status

/// `GET /identity`: what the captive-portal probe compares, and what a client needs first.
package struct IdentityReply: Hashable, Sendable, Codable {
    package let server: String
    package let version: String
    package let protocols: [Int]
    /// Milliseconds since 1970 by the server's clock.
    package let time: Timestamp
    /// While its owner works on it.
    package let maintenance: MaintenanceDescription?

    package init(
        server: String, version: String, protocols: [Int], time: Timestamp,
        maintenance: MaintenanceDescription? = nil
    ) {
        self.server = server
        self.version = version
        self.protocols = protocols
        self.time = time
        self.maintenance = maintenance
    }
}

/// `PUT /sessions/{device}`: signs the device in; the device made its id itself (P8).
package struct SessionRequest: Hashable, Sendable, Codable {
    package let account: String
    package let password: String
    package let deviceName: String
    /// A web browser's session lives in a cookie and ends by itself.
    package let isBrowser: Bool

    package init(account: String, password: String, deviceName: String, isBrowser: Bool = false) {
        self.account = account
        self.password = password
        self.deviceName = deviceName
        self.isBrowser = isBrowser
    }

    private enum CodingKeys: String, CodingKey { case account, password, deviceName, isBrowser }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        account = try container.decode(String.self, forKey: .account)
        password = try container.decode(String.self, forKey: .password)
        deviceName = try container.decode(String.self, forKey: .deviceName)
        isBrowser = try container.decodeIfPresent(Bool.self, forKey: .isBrowser) ?? false
    }
}

package struct SessionReply: Hashable, Sendable, Codable {
    package let account: AccountID
    package let accountName: String
    package let device: DeviceID
    /// The bearer token; shown once, stored hashed by the server.
    ///
    /// Empty for a browser.
    package let token: String
    package let zones: [ZoneDescription]
    /// What receipts are checked with: an Ed25519 public key of 32 bytes, hexadecimal.
    ///
    /// `nil`: of an earlier version.
    package let receiptKey: String?

    package init(
        account: AccountID, accountName: String, device: DeviceID, token: String,
        zones: [ZoneDescription], receiptKey: String? = nil
    ) {
        self.account = account
        self.accountName = accountName
        self.device = device
        self.token = token
        self.zones = zones
        self.receiptKey = receiptKey
    }
}

/// A zone as its members see it.
package struct ZoneDescription: Hashable, Sendable, Codable {
    package let id: ZoneID
    package let kind: String
    package let owner: AccountID
    /// Hexadecimal; the key for ids made from content.
    ///
    /// Given to members only.
    package let idKey: String
    package let epoch: Epoch
    package let head: Int64
    /// As in `ServerEvent`.
    package let token: ChangeToken?

    package init(
        id: ZoneID, kind: String, owner: AccountID, idKey: String, epoch: Epoch, head: Int64,
        token: ChangeToken? = nil
    ) {
        self.id = id
        self.kind = kind
        self.owner = owner
        self.idKey = idKey
        self.epoch = epoch
        self.head = head
        self.token = token
    }
}

package struct ZonesReply: Hashable, Sendable, Codable {
    package let zones: [ZoneDescription]
    package init(zones: [ZoneDescription]) { self.zones = zones }
}

/// `PUT /zones/{zone}`: makes a zone; the same id again is the same zone (P8).
package struct ZoneRequest: Hashable, Sendable, Codable {
    package let kind: String
    package init(kind: String) { self.kind = kind }
}

/// One of the account's devices, in `GET /devices`.
package struct DeviceDescription: Hashable, Sendable, Codable {
    package let id: DeviceID
    package let name: String
    package let isBrowser: Bool
    package let signedInAt: Timestamp
    package let lastHeardAt: Timestamp
    /// What it reported last; `nil` before its first report.
    package let status: LibraryStatus?
    package let statusAt: Timestamp?

    package init(
        id: DeviceID, name: String, isBrowser: Bool, signedInAt: Timestamp,
        lastHeardAt: Timestamp, status: LibraryStatus?, statusAt: Timestamp?
    ) {
        self.id = id
        self.name = name
        self.isBrowser = isBrowser
        self.signedInAt = signedInAt
        self.lastHeardAt = lastHeardAt
        self.status = status
        self.statusAt = statusAt
    }
}

package struct DevicesReply: Hashable, Sendable, Codable {
    package let devices: [DeviceDescription]
    package init(devices: [DeviceDescription]) { self.devices = devices }
}

/// `PUT /devices/{device}/state`.
package struct StateRequest: Hashable, Sendable, Codable {
    package let version: String
    package let status: LibraryStatus
    /// Random ids of the device's latest runs, the present one last.
    package let runs: [String]?

    package init(version: String, status: LibraryStatus, runs: [String]? = nil) {
        self.version = version
        self.status = status
        self.runs = runs
    }
}

/// What a device must know at once, so that this and the feed are all of a sync with nothing to do.
package struct StateReply: Hashable, Sendable, Codable {
    package let zones: [ZoneDescription]
    /// Requests waiting for the device: answer, retry, pause, examine.
    package let requests: [String]
    /// How many blobs the server lost and wants back.
    package let blobsWanted: Int
    package var account: AccountUsage?
    package var server: ServerCondition?
    /// The run that was heard of last is none of the device's: a copy of it runs elsewhere.
    package var isCloned: Bool?
    /// By service, the names of the account's other devices that have switched it off; in the
    /// answer to a device that has one switched off.
    package var servicesOff: [String: [String]]?
    /// The services that are switched off for the account on the server, and since when.
    package var servicesDenied: [String: Timestamp]?
    /// In the answer to a device some of whose originals are in the cloud only.
    package var backup: BackupDescription?
    /// Which version of all this it is; the event stream tells when there is another.
    package var noticeVersion: String?

    package init(
        zones: [ZoneDescription], requests: [String], blobsWanted: Int,
        account: AccountUsage? = nil, server: ServerCondition? = nil, isCloned: Bool? = nil,
        servicesOff: [String: [String]]? = nil, servicesDenied: [String: Timestamp]? = nil,
        backup: BackupDescription? = nil,
        noticeVersion: String? = nil
    ) {
        self.zones = zones
        self.requests = requests
        self.blobsWanted = blobsWanted
        self.account = account
        self.server = server
        self.isCloned = isCloned
        self.servicesOff = servicesOff
        self.servicesDenied = servicesDenied
        self.backup = backup
        self.noticeVersion = noticeVersion
    }
}

/// Where originals are beside the server.
package struct BackupDescription: Hashable, Sendable, Codable {
    /// When the last whole backup's snapshot was made; absent without one.
    package let madeAt: Timestamp?
    /// Names of the account's other devices that have every original.
    package let originalsOn: [String]

    package init(madeAt: Timestamp?, originalsOn: [String]) {
        self.madeAt = madeAt
        self.originalsOn = originalsOn
    }
}

/// How full the account's pool is.
package struct AccountUsage: Hashable, Sendable, Codable {
    package let usedByteCount: Int64
    /// `nil`: no limit.
    package let quotaByteCount: Int64?
    /// The names of the other accounts that share the pool; absent when nobody does.
    package let sharedWith: [String]?
    /// When it will be full at the rate of the last weeks; absent when nothing can be said.
    package let fullAt: Timestamp?

    package init(
        usedByteCount: Int64, quotaByteCount: Int64?, sharedWith: [String]? = nil,
        fullAt: Timestamp? = nil
    ) {
        self.usedByteCount = usedByteCount
        self.quotaByteCount = quotaByteCount
        self.sharedWith = sharedWith
        self.fullAt = fullAt
    }
}

/// What the server says of itself.
package struct ServerCondition: Hashable, Sendable, Codable {
    package let version: String
    /// Since when its clocks have disagreed; deletions are not purged meanwhile.
    package let clockSuspectSince: Timestamp?
    /// Its services that are slow or fail; absent when all are well.
    package let services: [TroubledService]?

    package init(
        version: String, clockSuspectSince: Timestamp?, services: [TroubledService]? = nil
    ) {
        self.version = version
        self.clockSuspectSince = clockSuspectSince
        self.services = services
    }
}

/// `POST /devices/{device}/requests`: what a device is asked to do when it is heard of next.
package struct DeviceRequest: Hashable, Sendable, Codable {
    /// `answer`, `retry`, `pause`, `resume` or `examine`, and what it is about.
    package let request: String
    package init(request: String) { self.request = request }
}
