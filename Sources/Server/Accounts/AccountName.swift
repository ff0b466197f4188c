// Composition of characters is not in FoundationEssentials.
import Foundation
import Records

/// The name that a person signs in with; two names that differ only in case are the same.
package struct AccountName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// What would end or divide a name in an address, a path or a sign-in of another protocol.
    private static let separators: Set<Character> = ["/", "\\", ":"]

    /// 1 to 64 bytes, no white space at its ends, no control characters, no separators.
    package init(parsing text: String) throws(AccountsError) {
        guard (1...Limits.accountNameByteCountMax).contains(text.utf8.count) else {
            throw AccountsError(
                .invalidName,
                "An account's name has 1 to \(Limits.accountNameByteCountMax) bytes.")
        }
        guard TextRules.isPlain(text) else {
            throw AccountsError(
                .invalidName,
                "An account's name has no line breaks and no spaces at its beginning or end.")
        }
        guard !text.contains(where: Self.separators.contains) else {
            throw AccountsError(
                .invalidName, "An account's name has none of these characters: / \\ :")
        }
        self.text = text
    }

    /// What is compared: case and composition of characters make no difference.
    package var key: String {
        text.precomposedStringWithCanonicalMapping.lowercased()
    }

    package var description: String { text }
    package static func == (left: Self, right: Self) -> Bool { left.key == right.key }
    package func hash(into hasher: inout Hasher) { hasher.combine(key) }
}

/// What a person calls a device, or an app password.
package struct DeviceName: Hashable, Sendable {
    package let text: String

    /// 1 to 128 bytes, no white space at its ends, no control characters.
    package init(parsing text: String) throws(AccountsError) {
        guard (1...Limits.deviceNameByteCountMax).contains(text.utf8.count),
            TextRules.isPlain(text)
        else {
            throw AccountsError(
                .invalidName,
                """
                A device's name has 1 to \(Limits.deviceNameByteCountMax) bytes, no line breaks \
                and no spaces at its beginning or end.
                """)
        }
        self.text = text
    }
}

enum TextRules {
    static func isPlain(_ text: String) -> Bool {
        guard let first = text.first, let last = text.last, !first.isWhitespace,
            !last.isWhitespace
        else { return false }
        return text.unicodeScalars.allSatisfy {
            $0.properties.generalCategory != .control && $0.properties.generalCategory != .format
                && $0 != "\u{2028}" && $0 != "\u{2029}"
        }
    }
}
