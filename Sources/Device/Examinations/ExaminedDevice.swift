import Agent
import Records
import Status
import SyncEngine
import Wire

/// The device that is looked at, with the evidence that more than one examination needs.
struct ExaminedDevice: Sendable {
    enum AgentState: Sendable {
        case answers
        /// Its process holds the device, and no answer comes.
        case silent(holder: String)
        case none
    }

    /// What the server said, or why it did not.
    struct ServerAnswers: Sendable {
        /// By probe: how long it took, or what broke it.
        var probes: [Result<Int64, RequestFailure>] = []
        /// What is wrong with its certificate, when that broke the probe.
        var certificate: CertificateFault?
        var identity: IdentityReply?
        var devices: Result<DevicesReply, RequestFailure>?
        var state: StateReply?
        var status: SystemStatusReply?

        /// Of the probe that came last, when none was answered.
        var failure: RequestFailure? {
            guard identity == nil, case .failure(let failure)? = probes.last else { return nil }
            return failure
        }
    }

    let question: Question
    let configuration: Result<DeviceConfiguration, AgentError>
    let agent: AgentState
    /// The agent's answer, or what rows say without one.
    let status: Result<LibraryStatus, AgentError>?
    let settings: DeviceSettings?
    let conditions: Conditions
    let server: ServerAnswers
    let client: ServerClient?
    let requests: RepairRequests?

    var home: DeviceHome { question.home }
    var surroundings: Surroundings { question.surroundings }
    var database: DeviceDatabase { DeviceDatabase(home) }
    var library: String? { try? configuration.get().library }
    var agentRuns: Bool { if case .none = agent { false } else { true } }

    static func gather(_ question: Question) async -> ExaminedDevice {
        let home = question.home
        let configuration = Result.of { () throws(AgentError) in
            let configuration = try home.configuration()
            _ = try home.token()
            return configuration
        }
        guard case .success(let own) = configuration else {
            return ExaminedDevice(
                question: question, configuration: configuration, agent: .none, status: nil,
                settings: nil, conditions: Conditions(), server: ServerAnswers(), client: nil,
                requests: nil)
        }
        let (agent, status) = await ask(home, question.surroundings)
        let settings = try? DeviceDatabase(home).settings()
        let conditions = await ConditionsLook.read(
            home, own, isUserService: question.isUserService, question.surroundings)
        let client = client(home, own)
        var server = ServerAnswers()
        if let client {
            server = await answers(client, own, try? status?.get(), question.surroundings)
        }
        var requests: RepairRequests?
        if let client, let settings {
            requests = RepairRequests(home, own, settings, client, question.surroundings)
        }
        return ExaminedDevice(
            question: question, configuration: configuration, agent: agent, status: status,
            settings: settings, conditions: conditions, server: server, client: client,
            requests: requests)
    }

    func close() async {
        await requests?.stop()
        await client?.shutdown()
    }

    static func client(
        _ home: DeviceHome, _ configuration: DeviceConfiguration
    ) -> ServerClient? {
        guard let address = try? ServerAddress(parsing: configuration.server),
            let token = try? home.token()
        else { return nil }
        return ServerClient(address: address, token: token, trusting: home.trustedFiles())
    }

    private static func ask(
        _ home: DeviceHome, _ surroundings: Surroundings
    ) async -> (AgentState, Result<LibraryStatus, AgentError>?) {
        if let status = await ControlClient(home).ask(.status)?.status {
            return (.answers, .success(status))
        }
        let observed = Result.of { () throws(AgentError) in
            try DeviceDatabase(home).observedStatus(surroundings)
        }
        if AgentLock.isFree(home) { return (.none, observed) }
        return (.silent(holder: AgentLock.holder(of: home)), observed)
    }

    /// A few probes, one after another; what needs the sign-in only when they were answered.
    private static func answers(
        _ client: ServerClient, _ configuration: DeviceConfiguration, _ status: LibraryStatus?,
        _ surroundings: Surroundings
    ) async -> ServerAnswers {
        var answers = ServerAnswers()
        for _ in 0..<Limits.probesMax {
            let began = surroundings.now().uptime
            do throws(RequestFailure) {
                answers.identity = try await client.identity()
                answers.probes.append(.success(surroundings.now().uptime - began))
            } catch {
                answers.probes.append(.failure(error))
                // A server that is away is not waited for again and again.
                if answers.identity == nil {
                    answers.certificate = await client.certificateFault(behind: error)
                    return answers
                }
            }
        }
        guard answers.identity != nil else { return answers }
        do throws(RequestFailure) {
            answers.devices = .success(try await client.devices())
        } catch {
            answers.devices = .failure(error)
        }
        answers.status = try? await client.systemStatus()
        if let status, case .success? = answers.devices {
            answers.state = try? await client.report(status, of: configuration.device)
        }
        return answers
    }
}

extension Result {
    static func of(_ body: () throws(Failure) -> Success) -> Self {
        do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
    }
}

extension Reason {
    /// A reason that an examination finds by itself, at this moment.
    init(found code: ReasonCode, _ evidence: [String: String], _ device: ExaminedDevice) {
        self.init(code, evidence, since: device.surroundings.now().wall)
    }
}

extension Finding {
    /// A reason with its evidence kept for programs.
    init(
        _ code: ReasonCode, _ evidence: [String: String], _ device: ExaminedDevice,
        items: [String] = []
    ) {
        self.init(Reason(found: code, evidence, device), evidence: evidence, items: items)
    }
}

extension Limits {
    static let probesMax = 3
    /// Slower answers than this are felt.
    static let latencyMillisecondsMax: Int64 = 1_000
    /// What waits for longer is stuck.
    static let stuckSeconds: Int64 = 86_400
    static let otherDeviceSilentSeconds: Int64 = 7 * 86_400
    /// How long differences may take to be seen by an agent that runs.
    static let agentNoticesMilliseconds: Int64 = 4_000
    /// What a repair waits for at most.
    static let repairSecondsMax: Int64 = 600
    /// How long an agent whose service was restarted may take to answer.
    static let restartSecondsMax: Int64 = 60
    /// Bytes a second that a deep look reads, so that others can use the disk.
    static let rereadByteCountPerSecond: Int64 = 100 << 20
}
