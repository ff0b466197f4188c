/// How two changes to one field come together, from what both began with.
package enum FieldMerge<Value> {
    /// Nothing to do: the local value is the one to have.
    case keep
    case take(Value)
    case conflict(local: Value, server: Value)
}

extension FieldMerge: Equatable where Value: Equatable {}
extension FieldMerge: Sendable where Value: Sendable {}

/// A field with one value: the only edit wins; two different ones are a conflict, which the later
/// commit wins while the kernel retains the other.
package func merge<Value: Equatable>(
    base: Value, local: Value, server: Value
) -> FieldMerge<Value> {
    switch (local == base, server == base) {
    case (_, true): .keep
    case (true, false): .take(server)
    case (false, false): local == server ? .keep : .conflict(local: local, server: server)
    }
}

/// A set: additions and removals of both sides against the base are united.
package func merge<Element>(
    base: Set<Element>, local: Set<Element>, server: Set<Element>
) -> Set<Element> {
    let added = local.union(server).subtracting(base)
    return base.intersection(local).intersection(server).union(added)
}

/// A map: each key on its own; where both changed one key, the server's value comes first in
/// `conflicts` order of keys and the local one is kept.
package func merge<Key: Comparable, Value: Equatable>(
    base: [Key: Value], local: [Key: Value], server: [Key: Value]
) -> (merged: [Key: Value], conflicts: [Key]) {
    var merged = local
    var conflicts: [Key] = []
    for key in Set(base.keys).union(local.keys).union(server.keys).sorted() {
        switch merge(base: base[key], local: local[key], server: server[key]) {
        case .keep: break
        case .take(let value): merged[key] = value
        case .conflict: conflicts.append(key)
        }
    }
    return (merged, conflicts)
}
