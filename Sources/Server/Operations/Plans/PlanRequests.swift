import Kernel
package import Records
import Storage

/// What members ask for, and what they are answered.
extension Plans {
    private static let columns = """
        account.name, planRequest.name, planRequest.askedAt, planRequest.answeredAt,
        planRequest.isGranted, planRequest.message
        """

    /// Asks for a plan; a later question takes the place of an earlier one.
    ///
    /// Throws `planNotFound`, and `planHeldAlready` for what the account's pool has.
    @discardableResult
    package func ask(for name: PlanName, by account: AccountID) async throws -> PlanRequest {
        let now = now()
        return try await database.write { [kernel] transaction in
            let plan = try Self.require(name, in: transaction)
            guard try Self.plan(of: account, kernel, in: transaction)?.name != plan.name else {
                throw PlansError(
                    .planHeldAlready, "The account has the plan “\(plan.name)” already.")
            }
            let earlier = try Self.request(of: account, in: transaction)
            // A reply that was lost makes no new question.
            if let earlier, earlier.answer == nil, earlier.plan == plan.name { return earlier }
            try transaction.execute(
                """
                INSERT INTO planRequest (account, nameKey, name, askedAt) VALUES (?, ?, ?, ?)
                ON CONFLICT (account) DO UPDATE
                    SET nameKey = excluded.nameKey, name = excluded.name,
                        askedAt = excluded.askedAt, answeredAt = NULL, isGranted = NULL,
                        message = NULL
                """,
                [SQLValue(account), .text(name.key), .text(plan.name), SQLValue(now)])
            guard let request = try Self.request(of: account, in: transaction) else {
                throw KernelError(.accountNotFound, "There is no such account.")
            }
            return request
        }
    }

    /// Takes back what was not answered yet; again is the same.
    package func withdraw(by account: AccountID) async throws {
        _ = try await database.write { transaction in
            try transaction.execute(
                "DELETE FROM planRequest WHERE account = ? AND answeredAt IS NULL",
                [SQLValue(account)])
        }
    }

    /// What waits for an answer, the oldest first.
    package func requests() async throws -> [PlanRequest] {
        try await database.read { transaction in
            try transaction.rows(
                """
                SELECT \(Self.columns)
                FROM planRequest JOIN account ON account.id = planRequest.account
                WHERE planRequest.answeredAt IS NULL ORDER BY planRequest.askedAt, account.name
                """
            ).map(Self.request)
        }
    }

    /// Says yes or no; a yes gives the account's pool that plan.
    ///
    /// Throws `planRequestNotFound`.
    @discardableResult
    package func answer(
        _ account: AccountID, isGranted: Bool, message: String? = nil
    ) async throws -> PlanRequest {
        guard (message?.utf8.count ?? 0) <= Limits.planMessageByteCountMax else {
            throw PlansError(
                .invalidPlan,
                "What is said to it has at most \(Limits.planMessageByteCountMax) bytes.")
        }
        let now = now()
        return try await database.write { [kernel] transaction in
            guard let request = try Self.request(of: account, in: transaction),
                request.answer == nil
            else {
                throw PlansError(
                    .planRequestNotFound, "The account waits for no answer: see martlet plan list.")
            }
            if isGranted {
                try Self.assign(
                    try PlanName(parsing: request.plan), to: account, kernel, in: transaction)
            }
            try transaction.execute(
                """
                UPDATE planRequest SET answeredAt = ?, isGranted = ?, message = ?
                WHERE account = ?
                """,
                [
                    SQLValue(now), SQLValue(isGranted), message.map { .text($0) } ?? .null,
                    SQLValue(account),
                ])
            return try Self.request(of: account, in: transaction) ?? request
        }
    }

    static func request(
        of account: AccountID, in transaction: any Transaction
    ) throws(KernelError) -> PlanRequest? {
        try transaction.first(
            """
            SELECT \(columns) FROM planRequest JOIN account ON account.id = planRequest.account
            WHERE planRequest.account = ?
            """, [SQLValue(account)]
        ).map(Self.request)
    }

    private static func request(_ row: SQLRow) -> PlanRequest {
        PlanRequest(
            account: row.text(0), plan: row.text(1), askedAt: row.timestamp(2),
            answer: row.optionalTimestamp(3).map { time in
                PlanRequest.Answer(
                    at: time, isGranted: row.optionalInteger(4) == 1, message: row.optionalText(5))
            })
    }
}
