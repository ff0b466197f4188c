import Library
import Records
import Status
import SyncEngine
import Testing

/// A reason is shown within 5 seconds of its cause, with the values of its evidence, and is gone
/// within 5 seconds of its cause's end. This helper holds every reason to it, by the device's own
/// clock:
///
///     try device.expectReason(.offline, saying: "This device has no network: no route.") {
///         try device.change { $0.network.route = .missing(cause: "no route") }
///     } goneAfter: {
///         try device.change { $0.network.route = .found }
///     }
///
/// ReasonCoverageTests reads these calls: a reason that none of them causes has no test.
extension FakeDevice {
    /// Causes a reason, sees it come with just this message, ends its cause, and sees it go.
    ///
    /// With `item`, it is that item's reason; else one of the library's. `comesWithin` and
    /// `goesWithin`, in seconds: where the cause itself takes longer to be one, or to have ended.
    func expectReason(
        _ code: ReasonCode, of item: ItemSubject? = nil, saying message: String,
        comesWithin: Int64 = 5, goesWithin: Int64 = 5,
        sourceLocation: SourceLocation = #_sourceLocation,
        when cause: () throws -> Void, goneAfter end: () throws -> Void
    ) throws {
        func shown() throws -> Reason? {
            let reasons = try item.map { try story(of: $0)?.status.reasons ?? [] }
            return try (reasons ?? status().reasons).first { $0.code == code }
        }
        #expect(try shown() == nil, "it has no cause yet", sourceLocation: sourceLocation)
        try cause()
        let comes = try pass(seconds: comesWithin) { try shown() != nil }
        let (found, others) = (try shown(), try status().reasons)
        let reason = try #require(
            comes ? found : nil, "\(code) does not come; shown are \(others)",
            sourceLocation: sourceLocation)
        #expect(reason.message == message, sourceLocation: sourceLocation)
        let rest = reason.clearsWhen + (reason.fix ?? "")
        #expect(!rest.contains("unknown"), "\(rest)", sourceLocation: sourceLocation)
        try end()
        let goes = try pass(seconds: goesWithin) { try shown() == nil }
        #expect(goes, "\(code) does not go: \(reason)", sourceLocation: sourceLocation)
    }

    /// Lets time pass until something is so; `false`: it did not come to be.
    func pass(seconds: Int64, until isSo: () throws -> Bool) throws -> Bool {
        let end = now.uptime + seconds * 1_000
        try run(milliseconds: 0)
        while try !isSo() {
            guard now.uptime < end else { return false }
            let next = min(now.uptime + 100, end)
            try run(milliseconds: next - now.uptime)
            // Nothing was due.
            if now.uptime < next { pass(milliseconds: next - now.uptime) }
        }
        return true
    }

    /// The machine says so from now on.
    func change(_ edit: (inout Conditions) -> Void) {
        edit(&conditions)
        tell(.conditions(conditions))
    }

    /// A file appears, or is another one, and whoever wrote it is done.
    func put(_ text: String, at place: Place, ageSeconds: Int64 = 3_600) {
        write(text, to: place, ageSeconds: ageSeconds)
        tell(.placeChanged(place))
    }

    func remove(_ place: Place) {
        files[place] = nil
        tell(.placeChanged(place))
    }

    /// A folder's watcher saw something.
    func tellLibraryChanged() { tell(.folderChanged(Folder(root: .library, path: .root))) }
}
