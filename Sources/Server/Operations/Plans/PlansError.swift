/// What plans and pools refuse.
package struct PlansError: Error, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case invalidPlan
        case planNotFound
        /// Accounts have it.
        case planInUse
        case tooManyPlans
        /// The account asked for nothing that waits for an answer.
        case planRequestNotFound
        /// The account's pool has this plan already.
        case planHeldAlready
    }

    package let code: Code
    /// A sentence that says what to do.
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    static func notFound(_ name: PlanName) -> Self {
        Self(.planNotFound, "There is no plan “\(name.text)”: see the list of plans.")
    }
}
