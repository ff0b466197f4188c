import Foundation
import Records
import Testing

/// How tests of crashes end: whatever happened, every file is there, once, and nothing else is.
extension Household {
    /// Lets each device sync once, to the end.
    func expectSynced(
        _ devices: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for device in devices {
            let result = try martlet(device, "sync", "--once")
            let complaint = "\(device): \(result.output)\n\(result.errors)"
            #expect(
                result.status == 0, Comment(rawValue: complaint), sourceLocation: sourceLocation)
        }
    }

    /// The device's library has each of these files in one place, byte for byte, and nothing else.
    ///
    /// `expected`: as `Files.digests` found them where they come from.
    func expectLibrary(
        _ device: String, holds expected: Set<Digest>,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let arrived = try Files.digests(in: library(device))
        let missing = expected.subtracting(arrived.keys)
        #expect(
            missing.isEmpty, "\(device) lacks \(missing.count) of \(expected.count) files",
            sourceLocation: sourceLocation)
        let strange = arrived.filter { !expected.contains($0.key) }.values.joined().map(\.self)
        #expect(
            strange.isEmpty, "\(device) has what nobody sent: \(strange.prefix(3))",
            sourceLocation: sourceLocation)
        let doubled = arrived.values.filter { $0.count > 1 }
        #expect(
            doubled.isEmpty, "\(device) has files twice: \(doubled.prefix(3))",
            sourceLocation: sourceLocation)
        let incoming = library(device) + "/.martlet/incoming"
        let left = (try? FileManager.default.contentsOfDirectory(atPath: incoming)) ?? []
        #expect(
            left.isEmpty, "\(device) keeps temporary files: \(left.prefix(3))",
            sourceLocation: sourceLocation)
    }
}
