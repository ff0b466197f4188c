import Hummingbird
import Records
import Wire

/// Reads what stands in addresses; each failure names the parameter.
extension Request {
    func query(_ name: String) -> String? {
        uri.queryParameters[Substring(name)].map(String.init)
    }

    /// A whole number within `range`; `standard` when it is absent.
    func number(_ name: String, in range: ClosedRange<Int>, standard: Int) throws -> Int {
        guard let text = query(name) else { return standard }
        guard let value = Int(text), range.contains(value) else {
            throw APIError.invalid(
                name, "\(name) is a number from \(range.lowerBound) to \(range.upperBound).")
        }
        return value
    }

    /// The protocol that the device speaks; ours for who says nothing.
    var protocolNumber: Int {
        headers[.martletProtocol].flatMap { Int($0) } ?? WireProtocol.current
    }
}

extension ServerContext {
    // Inlined into a coroutine it crashes the optimizer of Swift 6.3.1.
    @inline(never)
    func identifier<Subject>(
        _ name: String, as type: Identifier<Subject>.Type = Identifier<Subject>.self
    ) throws -> Identifier<Subject> {
        try Identifier(parsing: parameters.require(name))
    }

    @inline(never)
    func digest(_ name: String = "digest") throws -> Digest {
        try Digest(parsing: parameters.require(name))
    }
}
