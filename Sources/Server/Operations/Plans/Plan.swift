package import Records

/// What a plan is called; two names that differ only in case are the same.
package struct PlanName: Hashable, Sendable {
    package let text: String

    /// How it is compared.
    package var key: String { text.lowercased() }

    /// 1 to 64 bytes, no spaces at its ends, no control characters; `none` is no name.
    package init(parsing text: String) throws(PlansError) {
        let isPlain = text.unicodeScalars.allSatisfy {
            $0.properties.generalCategory != .control && $0.properties.generalCategory != .format
                && $0 != "\u{2028}" && $0 != "\u{2029}"
        }
        guard (1...Limits.planNameByteCountMax).contains(text.utf8.count), isPlain,
            text.first?.isWhitespace == false, text.last?.isWhitespace == false,
            text.lowercased() != "none"
        else {
            throw PlansError(
                .invalidPlan,
                """
                A plan's name has 1 to \(Limits.planNameByteCountMax) bytes, no line breaks and no \
                spaces at its beginning or end, and is not “none”.
                """)
        }
        self.text = text
    }

    package static func == (left: Self, right: Self) -> Bool { left.key == right.key }
    package func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// A size with a name that who runs the server offers.
package struct Plan: Hashable, Sendable {
    package let name: String
    /// `nil`: no limit.
    package let byteCount: Int64?
}

/// A plan and who has it.
package struct PlanSummary: Hashable, Sendable {
    package let plan: Plan
    /// The names of the accounts of each pool that has it.
    package let pools: [[String]]
}

/// What an account asked for last.
package struct PlanRequest: Hashable, Sendable {
    package struct Answer: Hashable, Sendable {
        package let at: Timestamp
        package let isGranted: Bool
        /// From who runs the server.
        package let message: String?
    }

    /// The account's name.
    package let account: String
    package let plan: String
    package let askedAt: Timestamp
    /// `nil` while it waits for one.
    package let answer: Answer?
}

extension Limits {
    package static let plansMax = 100
    package static let planNameByteCountMax = 64
    package static let planMessageByteCountMax = 500
}
