package import Records
package import Storage

/// What a device said about itself last.
package struct DeviceState: Hashable, Sendable {
    package let device: DeviceID
    /// JSON, as the device sent it.
    package let state: String
    package let reportedAt: Timestamp
}

/// What a device must know at once when it reports.
package struct DeviceAnswer: Hashable, Sendable {
    package let zones: [Zone]
    /// Requests that wait for the device, the oldest first.
    package let requests: [String]
    package let wantedCount: Int
}

extension Kernel {
    /// Keeps what a device says about itself: JSON in UTF-8.
    ///
    /// Whoever calls has made sure that the device is the account's.
    ///
    /// A request is answered to two reports, so that one lost reply loses none; hearing it twice
    /// does no harm.
    package func reportState(
        _ state: [UInt8], device: DeviceID, account: AccountID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) -> DeviceAnswer {
        guard state.count <= Limits.deviceStateByteCountMax else {
            throw KernelError(
                .notAllowed, "A state has at most \(Limits.deviceStateByteCountMax) bytes.")
        }
        try transaction.change(
            """
            INSERT INTO deviceState (account, device, state, reportedAt, requestCount)
            VALUES (?, ?, ?, ?, 0)
            ON CONFLICT (account, device) DO UPDATE
                SET state = excluded.state, reportedAt = excluded.reportedAt
            """,
            [
                SQLValue(account), SQLValue(device), .text(String(decoding: state, as: UTF8.self)),
                SQLValue(time),
            ])
        try forgetRequests(device, account, at: time, transaction)
        let requests = try transaction.all(
            """
            SELECT request FROM deviceRequest WHERE account = ? AND device = ?
            ORDER BY number
            """, [SQLValue(account), SQLValue(device)])
        return DeviceAnswer(
            zones: try zones(of: account, in: transaction),
            requests: requests.map { $0.text(0) },
            wantedCount: try wantedCount(for: account, in: transaction))
    }

    /// The states of the account's devices, by device.
    package func deviceStates(
        of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> [DeviceState] {
        try transaction.all(
            """
            SELECT device, state, reportedAt FROM deviceState WHERE account = ? ORDER BY device
            """, [SQLValue(account)]
        ).map { row in
            DeviceState(
                device: row.identifier(0), state: row.text(1), reportedAt: row.timestamp(2))
        }
    }

    /// Asks something of a device; it hears it with its next report.
    ///
    /// Throws `notAllowed` above the limits.
    package func addRequest(
        _ request: String, to device: DeviceID, of account: AccountID, at time: Timestamp,
        in transaction: any Transaction
    ) throws(KernelError) {
        let waiting = try transaction.first(
            "SELECT COUNT(*) FROM deviceRequest WHERE account = ? AND device = ?",
            [SQLValue(account), SQLValue(device)])
        guard (waiting?.int(0) ?? 0) < Limits.requestsPerDeviceMax,
            request.utf8.count <= Limits.deviceRequestByteCountMax
        else {
            throw KernelError(
                .notAllowed,
                "The device has too many requests waiting, or this one is too long: try later.")
        }
        let row = try transaction.first(
            """
            INSERT INTO deviceState (account, device, state, reportedAt, requestCount)
            VALUES (?, ?, '{}', 0, 1)
            ON CONFLICT (account, device) DO UPDATE
                SET requestCount = deviceState.requestCount + 1
            RETURNING requestCount
            """, [SQLValue(account), SQLValue(device)])
        try transaction.change(
            """
            INSERT INTO deviceRequest (account, device, number, request, answerCount, createdAt)
            VALUES (?, ?, ?, ?, 0, ?)
            """,
            [
                SQLValue(account), SQLValue(device), row?[0] ?? 1, .text(request),
                SQLValue(time),
            ])
    }

    /// How often the account's devices were asked for something, ever.
    package func requestCount(
        of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> Int64 {
        try transaction.first(
            """
            SELECT CAST(COALESCE(SUM(requestCount), 0) AS BIGINT) FROM deviceState
            WHERE account = ?
            """, [SQLValue(account)])?.integer(0) ?? 0
    }

    /// Forgets a device that was signed out for good.
    package func forgetDevice(
        _ device: DeviceID, of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) {
        for table in ["deviceRequest", "deviceState"] {
            try transaction.change(
                "DELETE FROM \(table) WHERE account = ? AND device = ?",
                [SQLValue(account), SQLValue(device)])
        }
    }

    private func forgetRequests(
        _ device: DeviceID, _ account: AccountID, at time: Timestamp,
        _ transaction: any Transaction
    ) throws(KernelError) {
        let oldest = time.adding(
            milliseconds: -Int64(Limits.deviceRequestDays) * Timestamp.millisecondsPerDay)
        try transaction.change(
            """
            DELETE FROM deviceRequest
            WHERE account = ? AND device = ? AND (answerCount >= 2 OR createdAt < ?)
            """, [SQLValue(account), SQLValue(device), SQLValue(oldest)])
        try transaction.change(
            """
            UPDATE deviceRequest SET answerCount = answerCount + 1 WHERE account = ? AND device = ?
            """, [SQLValue(account), SQLValue(device)])
    }
}
