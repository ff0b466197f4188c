import Synchronization

/// What the server counts about itself, for `/metrics` (Prometheus text format 0.0.4).
package final class Metrics: Sendable {
    struct Observation {
        let method: String
        let route: String
        let status: Int
        let duration: Duration
        let receivedByteCount: Int64
        let sentByteCount: Int64
    }

    private struct RequestKey: Hashable {
        let method: String
        let route: String
        let status: Int
    }

    private struct Histogram {
        var counts = [Int](repeating: 0, count: Metrics.bucketSeconds.count)
        var count = 0
        var seconds = 0.0
    }

    private struct State {
        var requests: [RequestKey: Int] = [:]
        var durations: [String: Histogram] = [:]
        var receivedByteCount: Int64 = 0
        var sentByteCount: Int64 = 0
        var commitCount = 0
        var groupCount = 0
        var storedBlobCount = 0
        var storedByteCount: Int64 = 0
        var openEventStreams = 0
    }

    private static let bucketSeconds = [0.005, 0.02, 0.1, 0.5, 2, 10, 60]

    private let state = Mutex(State())

    package init() {}

    func observe(_ observation: Observation) {
        let seconds = observation.duration / .seconds(1)
        let key = RequestKey(
            method: observation.method, route: observation.route, status: observation.status)
        state.withLock { state in
            state.requests[key, default: 0] += 1
            state.receivedByteCount += observation.receivedByteCount
            state.sentByteCount += observation.sentByteCount
            var histogram = state.durations[observation.route] ?? Histogram()
            histogram.count += 1
            histogram.seconds += seconds
            for (index, bound) in Self.bucketSeconds.enumerated() where seconds <= bound {
                histogram.counts[index] += 1
            }
            state.durations[observation.route] = histogram
        }
    }

    func committed(groupCount: Int) {
        state.withLock {
            $0.commitCount += 1
            $0.groupCount += groupCount
        }
    }

    func stored(blobCount: Int, byteCount: Int64) {
        state.withLock {
            $0.storedBlobCount += blobCount
            $0.storedByteCount += byteCount
        }
    }

    func eventStreams(_ change: Int) {
        state.withLock { $0.openEventStreams += change }
    }

    /// All figures as text.
    func text() -> String {
        let state = state.withLock { $0 }
        var page = MetricsPage()
        page.begin("martlet_requests_total", "counter", "Requests by route and status.")
        let keys = state.requests.sorted {
            ($0.key.route, $0.key.method, $0.key.status)
                < ($1.key.route, $1.key.method, $1.key.status)
        }
        for (key, count) in keys {
            page.add(
                "martlet_requests_total",
                [("route", key.route), ("method", key.method), ("status", "\(key.status)")],
                "\(count)")
        }
        page.begin("martlet_request_seconds", "histogram", "Time until an answer begins.")
        for (route, histogram) in state.durations.sorted(by: { $0.key < $1.key }) {
            for (index, bound) in Self.bucketSeconds.enumerated() {
                page.add(
                    "martlet_request_seconds_bucket", [("route", route), ("le", "\(bound)")],
                    "\(histogram.counts[index])")
            }
            page.add(
                "martlet_request_seconds_bucket", [("route", route), ("le", "+Inf")],
                "\(histogram.count)")
            page.add("martlet_request_seconds_sum", [("route", route)], "\(histogram.seconds)")
            page.add("martlet_request_seconds_count", [("route", route)], "\(histogram.count)")
        }
        page.counter(
            "martlet_received_bytes_total", "Bytes of request bodies.", state.receivedByteCount)
        page.counter("martlet_sent_bytes_total", "Bytes of answers.", state.sentByteCount)
        page.counter("martlet_commits_total", "Commit requests.", Int64(state.commitCount))
        page.counter("martlet_groups_total", "Groups in commits.", Int64(state.groupCount))
        page.counter(
            "martlet_blobs_stored_total", "Blobs made durable.", Int64(state.storedBlobCount))
        page.counter(
            "martlet_stored_bytes_total", "Bytes of blobs made durable.", state.storedByteCount)
        page.gauge(
            "martlet_event_streams", "Open event streams.", Int64(state.openEventStreams))
        if let byteCount = ProcessMemory.residentByteCount() {
            page.gauge("process_resident_memory_bytes", "Memory in use.", byteCount)
        }
        return page.text
    }
}

private struct MetricsPage {
    var text = ""

    mutating func begin(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func add(_ name: String, _ labels: [(String, String)], _ value: String) {
        let inner = labels.map { "\($0.0)=\"\(Self.escape($0.1))\"" }.joined(separator: ",")
        text += inner.isEmpty ? "\(name) \(value)\n" : "\(name){\(inner)} \(value)\n"
    }

    mutating func counter(_ name: String, _ help: String, _ value: Int64) {
        begin(name, "counter", help)
        add(name, [], "\(value)")
    }

    mutating func gauge(_ name: String, _ help: String, _ value: Int64) {
        begin(name, "gauge", help)
        add(name, [], "\(value)")
    }

    private static func escape(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\", "\"": result += "\\\(character)"
            case "\n": result += "\\n"
            default: result.append(character)
            }
        }
        return result
    }
}
