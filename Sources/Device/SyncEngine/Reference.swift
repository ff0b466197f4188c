/// A large value that seldom changes, behind a reference.
///
/// A call on a part of the engine copies that part, with all that lies in it: with every event a
/// hundred times.
final class Reference<Value: Sendable>: Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
