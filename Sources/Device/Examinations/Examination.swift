package import Agent
package import Status
import SyncEngine

/// One thing that the doctor looks at; it changes nothing.
package struct Examination: Sendable {
    /// Stable, for programs.
    package let name: String
    /// For people: what it looks at.
    package let title: String
    let look: @Sendable (ExaminedDevice) async -> Look

    init(
        _ name: String, _ title: String,
        look: @escaping @Sendable (ExaminedDevice) async -> Look
    ) {
        self.name = name
        self.title = title
        self.look = look
    }
}

/// Looks at everything that can make this device's sync stall.
package enum Examinations {
    private static let certificateFaults: Set<FindingCode> = [
        .certificateNotValid, .certificateOfOther, .certificateUntrusted,
    ]

    /// In the order that they are shown; the last tells what the others did not.
    package static var all: [Examination] {
        account + machine + network + database + library + items + [reasons]
    }

    /// Gathers evidence once, and looks.
    package static func run(_ question: Question) async -> DoctorReport {
        let start = question.surroundings.now().uptime
        let device = await ExaminedDevice.gather(question)
        var reports: [ExaminationReport] = []
        for examination in all {
            let began = question.surroundings.now().uptime
            var look = await examination.look(device)
            var told = Set(reports.flatMap(\.findings).map(\.code))
            // The agent says only that it gets no answer.
            if !told.isDisjoint(with: certificateFaults) {
                told.insert(FindingCode(.serverUnreachable))
            }
            if examination.name == reasons.name {
                look.findings.removeAll { told.contains($0.code) }
            }
            reports.append(
                ExaminationReport(
                    name: examination.name, title: examination.title, sight: look.sight,
                    findings: look.findings,
                    milliseconds: question.surroundings.now().uptime - began))
        }
        await device.close()
        return DoctorReport(
            examinations: reports, milliseconds: question.surroundings.now().uptime - start)
    }
}

/// What the doctor is asked.
package struct Question: Sendable {
    package let home: DeviceHome
    package var surroundings: Surroundings
    /// Whether this device's agent is to run as a service of its user.
    package var isUserService: Bool
    /// Reads every original again, and asks the server to.
    package var isDeep: Bool
    /// Told how far a deep look is: files done, of how many.
    package var progress: @Sendable (Int, Int) -> Void

    package init(
        home: DeviceHome, surroundings: Surroundings = .machine(), isUserService: Bool = false,
        isDeep: Bool = false, progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) {
        self.home = home
        self.surroundings = surroundings
        self.isUserService = isUserService
        self.isDeep = isDeep
        self.progress = progress
    }
}
