import HTTPTypes
import Hummingbird
import NIOCore
import Operations
import Records
import Status
import Wire

/// `GET /system-status` for programs and `/status` for people: both without a sign-in, because who
/// can't sign in wants to know why.
struct SystemStatusRoutes {
    let monitor: ServiceMonitor

    func add(to api: RouterGroup<ServerContext>, pages root: RouterGroup<ServerContext>) {
        Resource(group: api).on(
            "system-status",
            [
                (
                    .get,
                    { _, _ in
                        var response = try JSONBody.reply(SystemStatusReply(monitor.status()))
                        response.headers[.cacheControl] = "no-store"
                        return response
                    }
                )
            ])
        Resource(group: root).on(
            "status",
            [
                (
                    .get,
                    { _, _ in
                        Response(
                            status: .ok,
                            headers: [
                                .contentType: "text/html; charset=utf-8",
                                .cacheControl: "no-store",
                            ],
                            body: ResponseBody(
                                byteBuffer: ByteBuffer(string: StatusPage(monitor.status()).text)))
                    }
                )
            ])
    }
}

extension SystemStatusReply {
    init(_ status: SystemStatus) {
        self.init(
            time: status.time, maintenance: status.maintenance.map(MaintenanceDescription.init),
            services: status.services.map(ServiceStatus.init),
            scrub: status.scrub.map {
                ScrubDescription(
                    endedAt: $0.endedAt, percent: $0.percent, isDoubtful: $0.doubt != nil)
            }, backups: BackupsDescription(status.backups))
    }
}

extension BackupsDescription {
    /// `nil`: there is nothing to say.
    fileprivate init?(_ backups: SystemStatus.Backups) {
        guard backups != SystemStatus.Backups() else { return nil }
        self.init(
            madeAt: backups.madeAt, provenAt: backups.proof?.goodAt,
            isDoubtful: backups.proof?.cause != nil,
            failingSince: backups.schedule?.failure?.since)
    }
}

extension ServiceStatus {
    fileprivate static let changesMax = 100

    fileprivate init(_ service: SystemStatus.Service) {
        self.init(
            service: service.service.rawValue, title: service.service.title,
            state: service.health, since: service.since,
            percentileMilliseconds: service.percentile, medianMilliseconds: service.median,
            days: service.days.map { day in
                let seconds = day.milliseconds.filter { $0.value > 0 }.map {
                    ($0.key.rawValue, $0.value / 1_000)
                }
                return Day(
                    day: day.text, seconds: Dictionary(uniqueKeysWithValues: seconds))
            },
            changes: service.changes.suffix(Self.changesMax).map {
                Change(at: $0.at, state: $0.health)
            })
    }
}

extension TroubledService {
    init(_ service: SystemStatus.Service) {
        self.init(
            service: service.service.rawValue, title: service.service.title,
            state: service.health, since: service.since,
            percentileMilliseconds: service.percentile)
    }
}

extension HealthDay {
    /// `2026-11-21`.
    var text: String {
        EvidenceText.day(Timestamp(milliseconds: day * Timestamp.millisecondsPerDay))
    }
}
