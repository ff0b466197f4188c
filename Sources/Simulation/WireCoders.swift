#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Sends values through the coders that the wire uses, as some seeds do with all of theirs.
struct WireCoders {
    private let encoder: JSONEncoder
    private let decoder = JSONDecoder()

    init() {
        encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
    }

    /// `nil` when what arrives is not what was sent.
    func carry<Value: Codable & Equatable>(_ value: Value) -> Value? {
        guard let data = try? encoder.encode(value),
            let arrived = try? decoder.decode(Value.self, from: data), arrived == value
        else { return nil }
        return arrived
    }
}
