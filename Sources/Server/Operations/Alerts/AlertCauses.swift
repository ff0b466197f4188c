import Kernel
package import Records
import Status
import Storage

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What is worth an alert: looked for among what the server knows.
///
/// - What the doctor finds of how the server is run, in the doctor's words; and, once a day, of the
///   rows that are not what was written.
/// - A service that does not work, a device that is silent or waits for a person, a certificate that
///   ends.
/// - A cause that cannot be looked at is not over.
package struct AlertCauses: Sendable {
    private let monitor: ServiceMonitor
    /// The server as the doctor sees it, opened for each look.
    private let examined: @Sendable () async throws -> ExaminedServer
    /// When the certificate ends that the server shows; `nil` when it shows none.
    private let certificateEndsAt: Timestamp?
    private let now: @Sendable () -> Timestamp
    private let storedRows = StoredRowsWatch()

    package init(
        monitor: ServiceMonitor, certificateEndsAt: Timestamp?,
        now: @escaping @Sendable () -> Timestamp,
        examined: @escaping @Sendable () async throws -> ExaminedServer
    ) {
        self.monitor = monitor
        self.certificateEndsAt = certificateEndsAt
        self.now = now
        self.examined = examined
    }

    // MARK: - What each server knows for itself

    /// From memory.
    package func services() -> AlertLook {
        let outages = monitor.status().services.filter { $0.health == .outage }.map { service in
            AlertSighting(
                source: "services", code: "serviceOutage", subject: service.service.rawValue,
                message: "\(service.service.title) does not work since "
                    + "\(EvidenceText.time(service.since)).",
                advice: "See /status, and run martlet doctor --server.",
                waitSeconds: Limits.alertPassingSeconds)
        }
        return AlertLook(sightings: outages, sources: ["services"])
    }

    // MARK: - What one looks at for all

    package func look(silentDays: Int64?) async throws -> AlertLook {
        let server = try await examined()
        var look = await doctor(server)
        let devices = try await devices(server, silentDays: silentDays)
        look.sightings += devices.sightings
        look.sources.formUnion(devices.sources)
        look.sources.insert("certificate")
        if let certificateEndsAt,
            certificateEndsAt <= now().adding(seconds: Limits.certificateEndingSeconds)
        {
            look.sightings.append(
                AlertSighting(
                    source: "certificate", code: "certificateEnding",
                    message: "The server's certificate ends on "
                        + "\(EvidenceText.time(certificateEndsAt)).",
                    advice: "Renew it and start the server again."))
        }
        return look
    }

    private func doctor(_ server: ExaminedServer) async -> AlertLook {
        var look = AlertLook()
        let rows = ServerExamination("storedRows", "Rows, as they were written") { server in
            Look("", [try await storedRows.look(server)].compactMap(\.self))
        }
        let examinations =
            ServerExaminations.care + [ServerExaminations.wanted, rows]
        for examination in examinations {
            let source = "doctor \(examination.name)"
            do {
                let findings = try await examination.look(server).findings
                look.sources.insert(source)
                look.sightings += findings.compactMap { Self.sighting($0, source) }
            } catch {
                let finding = ServerExaminations.trouble(error)
                if let sighting = Self.sighting(finding, source) { look.sightings.append(sighting) }
            }
        }
        return look
    }

    /// `nil` for what is only good to know.
    private static func sighting(_ finding: Finding, _ source: String) -> AlertSighting? {
        guard finding.severity > .note else { return nil }
        let wait =
            switch finding.code {
            case .objectStoreUnusable, .serverDatabaseUnusable: Limits.alertPassingSeconds
            case .backupMissing: Limits.alertBackupMissingSeconds
            case .backupUnproven: Limits.alertUnprovenSeconds
            default: Int64(0)
            }
        return AlertSighting(
            source: source, code: finding.code.rawValue,
            subject: finding.evidence["channel"] ?? "", message: finding.message,
            advice: finding.advice, waitSeconds: wait)
    }

    // MARK: - Devices

    /// What is read of what a device said last.
    private struct Report: Decodable {
        let status: LibraryStatus
    }

    private func devices(
        _ server: ExaminedServer, silentDays: Int64?
    ) async throws -> AlertLook {
        let now = now()
        let rows = try await server.read { transaction in
            try transaction.all(
                """
                SELECT device.id, device.name, credential.name, heardAt, reportedAt, state
                FROM device JOIN credential ON credential.account = device.account
                LEFT JOIN deviceState ON deviceState.account = device.account
                    AND deviceState.device = device.id
                WHERE token IS NOT NULL AND isBrowser = 0 AND isDisabled = 0
                ORDER BY heardAt
                """)
        }
        var look = AlertLook(sources: ["devices"])
        for row in rows {
            let device = "\(row.text(1)) of \(row.text(2))"
            let subject = Hexadecimal.encode(row.blob(0))
            let heardAt = max(row.timestamp(3), row.optionalTimestamp(4) ?? row.timestamp(3))
            if let silentDays, heardAt.adding(seconds: silentDays * 86_400) <= now {
                look.sightings.append(
                    AlertSighting(
                        source: "devices", code: "deviceSilent", subject: subject,
                        message: "The device \(device) was last heard from on "
                            + "\(EvidenceText.time(heardAt)).",
                        advice: "Start it and see martlet status there; if it is gone for good, "
                            + "sign it out on the web page."))
            } else if let code = Self.attention(row.optionalText(5)) {
                look.sightings.append(
                    AlertSighting(
                        source: "devices", code: "deviceNeedsAttention", subject: subject,
                        message: "The device \(device) waits for a person: \(code).",
                        advice: "Run martlet status there.",
                        waitSeconds: Limits.alertAttentionSeconds))
            }
        }
        return look
    }

    /// The code of what a device wants a person for.
    ///
    /// Its sentence stays in the house: it may name pictures.
    private static func attention(_ state: String?) -> String? {
        guard let state,
            let report = try? JSONDecoder().decode(Report.self, from: Data(state.utf8)),
            report.status.state == .attention
        else { return nil }
        let reason = report.status.reasons.first {
            ReasonTable.rule(of: $0.code)?.state == .attention
        }
        return reason?.code.rawValue ?? "attention"
    }
}
