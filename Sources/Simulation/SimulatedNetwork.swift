import Records
import SyncEngine

/// Carries requests to the server and replies back, when it does: it loses, delays and repeats
/// them, breaks downloads and damages bytes.
final class SimulatedNetwork {
    /// One request on its way.
    final class Exchange {
        let device: SimulatedDevice
        let incarnation: Int
        let id: RequestID
        let request: Request
        /// What the device read of the files that it sends, in the request's order.
        var payload: [Content] = []
        var isAnswered = false

        init(_ device: SimulatedDevice, _ id: RequestID, _ request: Request) {
            self.device = device
            incarnation = device.incarnation
            self.id = id
            self.request = request
        }
    }

    static let timeoutMilliseconds: Int64 = 60_000

    private let world: World
    let server: SimulatedServer
    private var underWay: [Exchange] = []
    private var connectedDevices: [SimulatedDevice] = []
    /// When each device last sent a commit.
    private var lastCommits: [Int: Int64] = [:]
    /// The devices that have no route now.
    var offline: Set<Int> = []

    init(world: World, server: SimulatedServer) {
        self.world = world
        self.server = server
    }

    func set(_ isOffline: Bool, noRouteOf device: SimulatedDevice) {
        if isOffline {
            offline.insert(device.index)
        } else {
            offline.remove(device.index)
        }
    }

    /// Whether a commit of this device may still reach the server.
    func isSendingCommit(of device: SimulatedDevice) -> Bool {
        lastCommits[device.index].map { world.now - $0 < 2 * Self.timeoutMilliseconds } ?? false
    }

    // MARK: Requests

    func send(_ request: Request, id: RequestID, from device: SimulatedDevice) {
        let exchange = Exchange(device, id, request)
        underWay.append(exchange)
        if case .commit = request { lastCommits[device.index] = world.now }
        if offline.contains(device.index) || !server.isUp {
            let failure = RequestFailure.unreachable(server.isUp ? "no route" : "refused")
            return answer(exchange, .failure(failure), within: 1...200)
        }
        if world.faults.strikes(.requestLost) {
            world.fault(.requestLost, request.name)
            return answer(exchange, .failure(.timedOut), after: Self.timeoutMilliseconds)
        }
        if let failure = device.checkFiles(of: request) {
            return answer(exchange, .failure(failure), within: 1...5)
        }
        let travel = travelTime(of: request)
        if travel > 300, case .put(let file) = request {
            device.tell(.progressed(id, byteCount: file.byteCount / 2), kind: "progressed")
        }
        world.after(travel) { [self] in arrive(exchange) }
    }

    private func travelTime(of request: Request) -> Int64 {
        let byteCount: Int64 =
            switch request {
            case .pack(let files): files.reduce(0) { $0 + $1.byteCount }
            case .put(let file): file.byteCount
            case .uploadPart(_, _, _, let byteCount), .download(_, let byteCount, _): byteCount
            default: 0
            }
        // 20 MB a second.
        let travel = world.schedule.within(1...60) + byteCount / 20_000
        guard world.faults.strikes(.requestDelayed) else { return travel }
        world.fault(.requestDelayed, request.name)
        return travel + world.faults.within(1_000...40_000)
    }

    private func arrive(_ exchange: Exchange) {
        guard !exchange.isAnswered else { return }
        world.step("arrive", "\(exchange.device.name) \(exchange.request.name)")
        guard server.isUp else { return answer(exchange, .failure(.interrupted), within: 1...50) }
        // The device reads its files while it sends, and its process must live until then.
        if exchange.device.incarnation != exchange.incarnation, exchange.request.sendsFiles {
            exchange.isAnswered = true
            return remove(exchange)
        }
        if let failure = exchange.device.readFiles(of: exchange) {
            return answer(exchange, .failure(failure), within: 1...5)
        }
        if exchange.request.sendsFiles, world.faults.strikes(.uploadCorrupted) {
            world.fault(.uploadCorrupted, exchange.request.name)
            let hit = world.faults.below(exchange.payload.count)
            exchange.payload[hit] = exchange.payload[hit].damaged(by: world.faults.damage())
        }
        let isRepeated = world.faults.strikes(.requestRepeated)
        server.handle(exchange.request, exchange.payload, from: exchange.device) {
            [self] result, content in
            if let content { exchange.payload = [content] }
            reply(result, to: exchange)
        }
        guard isRepeated else { return }
        world.fault(.requestRepeated, exchange.request.name)
        world.after(0...5_000) { [self] in
            guard server.isUp else { return }
            server.handle(exchange.request, exchange.payload, from: exchange.device) { _, _ in }
        }
    }

    // MARK: Replies

    private func reply(_ result: Result<Reply, RequestFailure>, to exchange: Exchange) {
        if world.faults.strikes(.replyLost) {
            world.fault(.replyLost, exchange.request.name)
            let failure: RequestFailure = world.schedule.oneIn(2) ? .interrupted : .timedOut
            return answer(exchange, .failure(failure), within: 1...20_000)
        }
        answer(exchange, result, within: 1...60)
    }

    private func answer(
        _ exchange: Exchange, _ result: Result<Reply, RequestFailure>,
        within delay: ClosedRange<Int64>
    ) {
        answer(exchange, result, after: world.schedule.within(delay))
    }

    private func answer(
        _ exchange: Exchange, _ result: Result<Reply, RequestFailure>, after delay: Int64
    ) {
        world.after(delay) { [self] in
            guard !exchange.isAnswered else { return }
            exchange.isAnswered = true
            remove(exchange)
            exchange.device.received(result, for: exchange)
        }
    }

    private func remove(_ exchange: Exchange) {
        underWay.removeAll { $0 === exchange }
    }

    /// The device no longer wants an answer; the server may act on the request all the same.
    func cancel(_ id: RequestID, of device: SimulatedDevice) {
        guard
            let exchange = underWay.first(where: {
                $0.id == id && $0.device === device && $0.incarnation == device.incarnation
            })
        else { return }
        answer(exchange, .failure(.interrupted), within: 0...1)
    }

    /// Whoever waits for the server, or for what it tells, hears that the connection broke.
    func serverWent() {
        for exchange in underWay { answer(exchange, .failure(.interrupted), within: 1...2_000) }
        if world.plantedBug == .streamEndUnheard { return }
        for device in connectedDevices {
            let incarnation = device.incarnation
            world.after(1...2_000) {
                device.deliver(.eventStreamEnded, kind: "eventStreamEnded", of: incarnation)
            }
        }
    }

    func end() {
        underWay = []
        connectedDevices = []
    }

    // MARK: The event stream

    func connected(_ device: SimulatedDevice) {
        connectedDevices.append(device)
        announce(to: device)
    }

    func disconnected(_ device: SimulatedDevice) {
        connectedDevices.removeAll { $0 === device }
    }

    func announceToAll() {
        for device in connectedDevices { announce(to: device) }
    }

    private func announce(to device: SimulatedDevice) {
        let incarnation = device.incarnation
        world.after(5...150) { [self] in
            guard server.isUp, !offline.contains(device.index) else { return }
            device.deliver(
                .zoneChanged(head: server.head, token: server.announcedToken), kind: "zoneChanged",
                of: incarnation)
        }
    }
}

extension Request {
    var sendsFiles: Bool {
        switch self {
        case .pack, .put, .uploadPart: true
        default: false
        }
    }

    var files: [FileToSend] {
        switch self {
        case .pack(let files): files
        case .put(let file), .uploadPart(_, let file, _, _): [file]
        default: []
        }
    }
}
