import Status

/// Keeps of a text what this program says itself, and `…` for everything else.
///
/// A text passes when it is, but for what varies, one of the sentences that are known; and of what
/// varies only numbers and sizes pass. So a name gets through neither by a sentence that nobody
/// thought of, nor by standing where a known one has its evidence.
package struct HarmlessText: Sendable {
    private let templates: [Template]

    package static let known = HarmlessText(
        sentences: words + ReasonTable.rules.map(\.message) + FindingTable.rules.map(\.message))

    package init(sentences: [String]) {
        // What says most is tried first.
        templates = sentences.compactMap(Template.init).sorted { $0.letterCount > $1.letterCount }
    }

    package func kept(_ text: String) -> String {
        if let whole = match(text) { return whole }
        let sentences = Self.sentences(of: text)
        let kept = sentences.map { sentence in
            match(sentence) ?? end(of: sentence).map { "…: \($0)" } ?? "…"
        }
        var shown: [String] = []
        for part in kept where !(part == "…" && shown.last == "…") { shown.append(part) }
        return shown.joined(separator: ". ")
    }

    /// With and without the point at its end: many stand within others.
    private func match(_ text: some StringProtocol) -> String? {
        let text = String(text)
        let bare = text.hasSuffix(".") ? String(text.dropLast()) : text
        for template in templates {
            if let filled = template.filled(bare, cause: { match($0) ?? "…" }) {
                return filled + (text.hasSuffix(".") ? "." : "")
            }
        }
        return nil
    }

    /// What is known behind a name and a colon.
    private func end(of sentence: String) -> String? {
        var rest = sentence[...]
        while let colon = rest.firstRange(of: ": ") {
            rest = rest[colon.upperBound...]
            if let known = match(rest) { return known }
        }
        return nil
    }

    private static func sentences(of text: String) -> [String] {
        var sentences: [String] = []
        var rest = text[...]
        while let end = rest.firstRange(of: ". ") {
            sentences.append(String(rest[..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return sentences + [String(rest)]
    }

    /// What the program says of causes and refusals where no table has it.
    private static let words = [
        // What became of requests
        "no answer in time", "the connection broke", "it was refused",
        "photos are switched off for this account", "the server began a new epoch",
        "the server is under maintenance", "the account is full", "the server's disk is full",
        "{place} changed while it was sent", "the bytes were not what they should be",
        "the server does not have it", "connection refused", "its name cannot be found",
        "it does not speak TLS: try its address with http://",
        "its certificate is not trusted: nobody whom this device knows signed it",
        "its certificate ended on {time} by this device's clock",
        "its certificate begins on {time} by this device's clock",
        "its certificate is for {names}, not for {host}",
        "the connection failed", "its address is not valid", "a proxy answers instead of it",
        "something else answers at its address ({evidence})", "busy", "http{number}",
        "internalError", "storageFailed", "objectStoreUnreachable",
        "The server cannot be reached: {cause}", "The server did not answer in time: try again",
        "The connection broke: try again",
        "The server does not accept this sign-in: run martlet login",
        "The server was restored: run martlet sync", "The server is busy: try again later",
        "The server is busy: try again in {seconds} s",
        "The account is full: free some space or raise its quota",
        "The server's disk is full: tell its owner",
        "The bytes that arrived are not those that were asked for: try again",
        "The server does not have it", "The server has lost these bytes",
        "This device's disk refused: {cause}",
        // What disks say
        "it is not there", "the name is taken", "permission is missing", "the disk is full",
        "the disk can only be read", "it is not a folder", "it changed meanwhile",
        "the disk reports error {number}", "Input/output error", "Permission denied",
        "No such file or directory", "No space left on device", "Read-only file system",
        "{place}: it is not there", "{place}: permission is missing",
        "{place}: it changed meanwhile",
        "{place}: the disk reports error {number}", "reading it ended Martlet (signal {number})",
        "reading it ended Martlet ({cause})",
        // What remedies say
        "Everything is in sync", "There was nothing to mend any more",
        "Not everything could be done", "Not everything could be done: {reason}",
        "The agent tries again now", "The agent ended: run martlet sync",
        "The agent is still at work; martlet status shows how far it is",
        "The agent is no service of yours: end its process, then run martlet sync",
        "The service was restarted, and its agent answers",
        "The service was restarted, and its agent does not answer: see journalctl --user",
        "{count} of {all} were sent", "{count} of {all} were mended",
        "The server cannot be asked what it lacks: try again later",
        "{count} of {all} files at once are more than a repair should touch: check the disk first",
        "The mode of {path} cannot be changed: check who owns it",
        "The folders cannot be made: {cause}",
        "The database is damaged: it is repaired as a whole",
        "{path} cannot be moved aside: {cause}",
        "None of the library's files is at {path}: reconnect its disk first",
        "The mark cannot be replaced: {cause}",
        "This device is not signed in: run martlet login",
    ]
}

/// A sentence, in pieces between what varies.
private struct Template: Sendable {
    let pieces: [String]
    /// What stands between them.
    let names: [String]
    let letterCount: Int

    /// `nil` for one that has no words of its own.
    init?(_ sentence: String) {
        let bare = sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
        var pieces = [""]
        var names: [String] = []
        var isEvidence = false
        for character in bare {
            switch (isEvidence, character) {
            case (false, "{"):
                isEvidence = true
                pieces.append("")
                names.append("")
            case (true, "}"): isEvidence = false
            case (true, _): names[names.count - 1].append(character)
            case (false, _): pieces[pieces.count - 1].append(character)
            }
        }
        letterCount = pieces.reduce(0) { $0 + $1.count }
        guard pieces.contains(where: { $0.contains(where: \.isLetter) }) else { return nil }
        self.pieces = pieces
        self.names = names
    }

    /// The text with its evidence left out unless that is harmless; `nil`: it is another sentence.
    func filled(_ text: String, cause: (Substring) -> String) -> String? {
        guard text.hasPrefix(pieces[0]) else { return nil }
        var result = pieces[0]
        var rest = text.dropFirst(pieces[0].count)
        for (index, piece) in pieces.enumerated().dropFirst() {
            let isLast = index == pieces.count - 1
            let end: Range<Substring.Index>?
            if isLast {
                guard rest.hasSuffix(piece) else { return nil }
                end = rest.index(rest.endIndex, offsetBy: -piece.count)..<rest.endIndex
            } else {
                end = piece.isEmpty ? nil : rest.firstRange(of: piece)
            }
            guard let end else { return nil }
            let evidence = rest[..<end.lowerBound]
            result += shown(evidence, names[index - 1], cause) + piece
            rest = rest[end.upperBound...]
        }
        return rest.isEmpty ? result : nil
    }

    private func shown(
        _ evidence: Substring, _ name: String, _ cause: (Substring) -> String
    ) -> String {
        if Self.numbers.contains(name), Self.isNumber(evidence) { return String(evidence) }
        return name == "cause" || name == "reason" ? cause(evidence) : "…"
    }

    /// Evidence that is a number or a size where the program means it to be one.
    private static let numbers = DiagnosisBundle.harmless.union(["all", "number", "count", "used"])

    /// `42`, `1.2 GB`, `3 items`.
    private static func isNumber(_ text: Substring) -> Bool {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard let first = words.first, (1...2).contains(words.count),
            first.first?.isASCII == true, first.first?.isNumber == true,
            first.allSatisfy({ $0 == "." || ($0.isASCII && $0.isNumber) }), first.count <= 16
        else { return false }
        return words.count == 1 || units.contains(String(words[1]))
    }

    private static let units: Set<String> = [
        "bytes", "byte", "kB", "MB", "GB", "TB", "items", "item", "s", "min", "h", "days", "ms",
        "%",
    ]
}
