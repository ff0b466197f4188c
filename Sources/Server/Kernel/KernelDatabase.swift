package import Records
package import Storage

/// The kernel in transactions of its own. What the services call: a rollback that a device proves
/// begins the new epoch here, and the device hears `changeTokenExpired`.
extension Kernel {
    package func commit(
        _ groups: [ChangeGroup], to zone: ZoneID, by actor: Actor,
        after token: ChangeToken? = nil, protocolNumber: Int = WireProtocol.current,
        at time: Timestamp, database: any Database
    ) async throws -> CommitReceipt {
        do {
            return try await database.write { transaction in
                try self.apply(
                    groups, to: zone, by: actor, after: token, protocolNumber: protocolNumber,
                    at: time, in: transaction)
            }
        } catch let error as KernelError where error.code == .serverRolledBack {
            try await database.write { transaction in
                if let token {
                    try self.beginEpoch(provenBy: token, zone: zone, at: time, in: transaction)
                }
                for base in groups.flatMap(\.changes).compactMap(\.base) {
                    try self.beginEpoch(provenBy: base, zone: zone, at: time, in: transaction)
                }
            }
            throw Self.newEpoch
        }
    }

    package func changes(
        in zone: ZoneID, for account: AccountID, after token: ChangeToken?, limit: Int,
        at time: Timestamp, database: any Database
    ) async throws -> ChangePage {
        try await provingRollback(token, zone, at: time, database) { transaction in
            try self.changes(
                in: zone, for: account, after: token, limit: limit, in: transaction)
        }
    }

    /// The JSON of `ChangePage`.
    package func encodedChanges(
        in zone: ZoneID, for account: AccountID, after token: ChangeToken?, limit: Int,
        at time: Timestamp, database: any Database
    ) async throws -> [UInt8] {
        try await provingRollback(token, zone, at: time, database) { transaction in
            try self.encodedChanges(
                in: zone, for: account, after: token, limit: limit, in: transaction)
        }
    }

    private func provingRollback<R: Sendable>(
        _ token: ChangeToken?, _ zone: ZoneID, at time: Timestamp, _ database: any Database,
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        do {
            return try await database.read(body)
        } catch let error as KernelError where error.code == .serverRolledBack {
            if let token {
                _ = try await database.write { transaction in
                    try self.beginEpoch(
                        provenBy: token, zone: zone, at: time, in: transaction)
                }
            }
            throw Self.newEpoch
        }
    }

    private static let newEpoch = KernelError(
        .changeTokenExpired, "The server was restored to an earlier state: list the zone again.")
}
