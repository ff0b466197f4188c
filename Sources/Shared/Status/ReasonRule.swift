package import Records

/// What is true of every reason with one code: whom it concerns, what it stops, how it reads.
///
/// Sentences hold `{name}` where evidence belongs: `evidenceNames` lists what a reason must bring.
package struct ReasonRule: Hashable, Sendable {
    package enum Scope: String, Sendable {
        case library
        case item
        /// One reason for the library, and one for each item that it is about.
        case both
    }

    package enum Effect: String, Sendable {
        case stopsEverything
        case stopsUploads
        case stopsDownloads
        case stopsLargeItems
        case thisItem
        /// Nothing waits because of it.
        case informs
    }

    package let code: ReasonCode
    package let scope: Scope
    package let effect: Effect
    /// The state that the library is in because of it.
    ///
    /// `upToDate`: it leaves the state as it is.
    package let state: LibraryState
    package let message: String
    /// Completes “It clears when …”.
    package let clearsWhen: String
    /// What the user can do; `nil` when nothing local helps.
    package let fix: String?
    /// Clears without the user.
    package let clearsByItself: Bool
    /// Lasting a day it wants attention, because it should have cleared by itself long before.
    package let isPatient: Bool

    init(
        _ code: ReasonCode, _ scope: Scope, _ effect: Effect, _ state: LibraryState,
        _ message: String, clearsWhen: String, fix: String? = nil, byItself: Bool = false,
        isPatient: Bool = false
    ) {
        self.code = code
        self.scope = scope
        self.effect = effect
        self.state = state
        self.message = message
        self.clearsWhen = clearsWhen
        self.fix = fix
        clearsByItself = byItself
        self.isPatient = isPatient || effect == .informs
    }

    /// The names of the evidence in its sentences, each once, in the order that they are read.
    package var evidenceNames: [String] {
        var names: [String] = []
        for sentence in [message, clearsWhen, fix ?? ""] {
            for name in EvidenceTemplate(sentence).names where !names.contains(name) {
                names.append(name)
            }
        }
        return names
    }
}

extension Reason {
    /// Makes the reason of a code in this version's table from its evidence; see
    /// `ReasonRule.evidenceNames`.
    ///
    /// What is missing is said to be unknown rather than left out.
    package init(_ code: ReasonCode, _ evidence: [String: String] = [:], since: Timestamp) {
        guard let rule = ReasonTable.rule(of: code) else {
            self.init(
                code: code, message: evidence["message"] ?? code.rawValue, since: since,
                clearsWhen: evidence["clearsWhen"] ?? "unknown", fix: nil)
            return
        }
        self.init(
            code: code, message: EvidenceTemplate(rule.message).filled(with: evidence),
            since: since, clearsWhen: EvidenceTemplate(rule.clearsWhen).filled(with: evidence),
            fix: rule.fix.map { EvidenceTemplate($0).filled(with: evidence) })
    }
}
