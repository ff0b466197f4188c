/// The earlier of two times; `nil`: never.
///
/// Asked several times with every event, for which arrays cost too much.
func earliest(_ one: Int64?, _ other: Int64?) -> Int64? {
    guard let one, let other else { return one ?? other }
    return min(one, other)
}
