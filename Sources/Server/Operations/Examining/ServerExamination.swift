package import Kernel
package import Records
package import Status
package import Storage

/// One thing that the doctor looks at beside a server; it changes nothing.
package struct ServerExamination: Sendable {
    /// Stable, for programs.
    package let name: String
    /// For people: what it looks at.
    package let title: String
    let look: @Sendable (ExaminedServer) async throws -> Look

    init(
        _ name: String, _ title: String,
        look: @escaping @Sendable (ExaminedServer) async throws -> Look
    ) {
        self.name = name
        self.title = title
        self.look = look
    }
}

/// The server that is looked at.
package struct ExaminedServer: Sendable {
    /// Where its things lie.
    package struct Place: Sendable {
        /// The data folder.
        package let folder: String
        package let manifest: String
        /// Where a deep look keeps how far it came, and may put a copy of the database.
        package let workFolder: String
        /// Who holds the folder, in its own words; `nil` when no server runs.
        package let holder: String?

        package init(folder: String, manifest: String, workFolder: String, holder: String?) {
            self.folder = folder
            self.manifest = manifest
            self.workFolder = workFolder
            self.holder = holder
        }
    }

    package struct Surroundings: Sendable {
        package let now: @Sendable () -> Timestamp
        package let monotonicMilliseconds: @Sendable () -> Int64
        package let clock: any Clock<Duration>

        package init(
            now: @escaping @Sendable () -> Timestamp,
            monotonicMilliseconds: @escaping @Sendable () -> Int64, clock: any Clock<Duration>
        ) {
            self.now = now
            self.monotonicMilliseconds = monotonicMilliseconds
            self.clock = clock
        }
    }

    package let place: Place
    /// Opened for looking, or why it cannot be.
    package let database: Result<any Database, StorageError>
    package let store: Result<any ObjectStore, StorageError>
    package let kernel: Kernel
    /// Every step of the schema, for a copy of the database.
    package let migrations: [Migration]
    package let surroundings: Surroundings
    /// Reads every object again, and makes what is derived anew in a copy.
    package let isDeep: Bool
    /// Told how far a deep look is: bytes read, of how many.
    package let progress: @Sendable (Int64, Int64) -> Void

    package init(
        place: Place, database: Result<any Database, StorageError>,
        store: Result<any ObjectStore, StorageError>, kernel: Kernel, migrations: [Migration],
        surroundings: Surroundings, isDeep: Bool,
        progress: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) {
        self.place = place
        self.database = database
        self.store = store
        self.kernel = kernel
        self.migrations = migrations
        self.surroundings = surroundings
        self.isDeep = isDeep
        self.progress = progress
    }

    var now: Timestamp { surroundings.now() }

    func read<R: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> R
    ) async throws -> R {
        try await database.get().read(body)
    }

    /// A time, as a distance from now.
    func age(of time: Timestamp) -> String {
        // A damaged row may say any time.
        let (passed, isDamaged) = now.milliseconds.subtractingReportingOverflow(time.milliseconds)
        return EvidenceText.duration(seconds: isDamaged ? 0 : max(0, passed) / 1_000)
    }
}

/// Looks at everything that a server keeps, and how it is run.
package enum ServerExaminations {
    /// In the order that they are shown.
    package static var all: [ServerExamination] { database + objects + care }

    package static func run(_ server: ExaminedServer) async -> DoctorReport {
        let clock = server.surroundings.monotonicMilliseconds
        let start = clock()
        var reports: [ExaminationReport] = []
        for examination in all {
            let began = clock()
            var look: Look
            do {
                look = try await examination.look(server)
            } catch {
                let finding = trouble(error)
                look = Look("it cannot be looked at", [finding])
            }
            // The same cause keeps several from looking; it is told once.
            let told = Set(reports.flatMap(\.findings))
            look.findings.removeAll { told.contains($0) }
            reports.append(
                ExaminationReport(
                    name: examination.name, title: examination.title, sight: look.sight,
                    findings: look.findings, milliseconds: clock() - began))
        }
        return DoctorReport(examinations: reports, milliseconds: clock() - start)
    }

    /// What keeps an examination from looking.
    static func trouble(_ error: any Error) -> Finding {
        let storage = error as? StorageError ?? (error as? KernelError)?.cause as? StorageError
        let message = storage?.message ?? (error as? KernelError)?.message ?? "\(error)"
        let cause = ["cause": message.asCause]
        return switch storage?.code {
        case .damaged, .notOurDatabase: Finding(.serverDatabaseDamaged, cause)
        case .objectStoreUnreachable, .objectStoreRefused, .bucketNotFound, .wrongPlace,
            .invalidPlace, .objectNotFound, .wrongRegion, .bucketTaken:
            Finding(.objectStoreUnusable, cause)
        default: Finding(.serverDatabaseUnusable, cause)
        }
    }
}

extension String {
    /// Without what ends a sentence, to stand within one.
    var asCause: String {
        var text = self[...]
        while let last = text.last, last == "." || last == "\n" || last == " " {
            text = text.dropLast()
        }
        return String(text)
    }
}
