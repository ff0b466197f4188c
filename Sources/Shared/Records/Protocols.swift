/// The numbers of the wire's protocol (P11).
package enum WireProtocol {
    package static let header = "Martlet-Protocol"
    package static let current = 1
    package static let oldestSupported = 1
}
