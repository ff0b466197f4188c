import Agent
import Records
import Status
import SyncEngine
import Wire

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

// Who this device is, and the account's other devices.
extension Examinations {
    static var account: [Examination] {
        [
            Examination("account", "The account and this device's sign-in", look: lookAtAccount),
            Examination("secrets", "This device's secrets", look: lookAtSecrets),
            Examination("services", "Services", look: lookAtServices),
            Examination("devices", "The account's devices and versions", look: lookAtDevices),
        ]
    }

    private static func lookAtAccount(_ device: ExaminedDevice) -> Look {
        let configuration: DeviceConfiguration
        switch device.configuration {
        case .success(let found): configuration = found
        case .failure(let error):
            if error.code == .notSignedIn {
                return Look("not signed in", [Finding(.signedOut, [:], device)])
            }
            return Look(
                "cannot be read",
                [Finding(.configurationDamaged, ["cause": error.message.asCause])])
        }
        let name =
            "\(configuration.deviceName) of \(configuration.account) at "
            + configuration.server
        switch device.server.devices {
        case .failure(.signInNeeded)?:
            let cause = "it was ended, or the password was changed"
            return Look(name, [Finding(.signInNeeded, ["cause": cause], device)])
        case .success(let reply)?:
            let isListed = reply.devices.contains { $0.id == configuration.device }
            guard isListed else {
                let cause = "the account has no such device"
                return Look(name, [Finding(.signInNeeded, ["cause": cause], device)])
            }
            return Look("\(name), accepted by the server")
        case .failure?, nil: return Look("\(name); the server was not asked")
        }
    }

    private static func lookAtSecrets(_ device: ExaminedDevice) -> Look {
        let open = Secrets.readableByOthers(device.home)
        return Look(
            open.isEmpty ? "nobody else can read them" : "others can read them",
            open.map { Finding(.secretReadable, ["path": $0], items: [$0]) })
    }

    private static func lookAtServices(_ device: ExaminedDevice) -> Look {
        guard
            let rows = try? device.database.read({ (rows) throws(RowsError) in
                try rows.photosService()
            })
        else { return .notPossible("the database cannot be read") }
        var findings: [Finding] = []
        if case .off = rows {
            findings.append(
                Finding(
                    .serviceOff,
                    ["title": "Photos", "devices": "this device", "service": "photos"], device))
        }
        let own = try? device.configuration.get().device
        let others = ((try? device.server.devices?.get())?.devices ?? []).filter { other in
            other.id != own
                && (other.status?.reasons.contains { $0.code == .serviceOff } ?? false)
        }
        if !others.isEmpty {
            findings.append(
                Finding(
                    .serviceOffElsewhere,
                    ["title": "Photos", "devices": others.map(\.name).joined(separator: ", ")]))
        }
        return Look("Photos is \(rows.isOn ? "on" : "off") on this device", findings)
    }

    private static func lookAtDevices(_ device: ExaminedDevice) -> Look {
        guard case .success(let reply)? = device.server.devices else {
            return .notPossible("the server was not asked")
        }
        let now = device.server.identity?.time ?? device.surroundings.now().wall
        let own = try? device.configuration.get().device
        var findings: [Finding] = []
        for other in reply.devices where other.id != own && !other.isBrowser {
            let limit = other.lastHeardAt.adding(seconds: Limits.otherDeviceSilentSeconds)
            if limit < now {
                findings.append(
                    Finding(
                        .otherDeviceSilent,
                        ["device": other.name, "time": EvidenceText.time(other.lastHeardAt)]))
            } else if other.status?.state == .attention,
                let reason = other.status?.reasons.first
            {
                findings.append(
                    Finding(
                        .otherDeviceTroubled,
                        ["device": other.name, "message": reason.message]))
            }
        }
        if let server = device.server.identity?.version, server != MartletVersion.text,
            isNewer(server, than: MartletVersion.text)
        {
            findings.append(
                Finding(
                    .updateAvailable,
                    ["side": "The server", "newer": server, "version": MartletVersion.text],
                    device))
        }
        let version = device.server.identity?.version ?? "unknown"
        return Look(
            "\(reply.devices.count) in all; Martlet \(MartletVersion.text) here, \(version) on "
                + "the server", findings)
    }

    private static func isNewer(_ version: String, than other: String) -> Bool {
        func numbers(_ text: String) -> [Int] { text.split(separator: ".").map { Int($0) ?? 0 } }
        return numbers(other).lexicographicallyPrecedes(numbers(version))
    }
}

/// The files that only their owner may read.
enum Secrets {
    static func readableByOthers(_ home: DeviceHome) -> [String] {
        [home.tokenPath, home.configurationPath].filter { path in
            var information = stat()
            return stat(path, &information) == 0 && information.st_mode & 0o077 != 0
        }
    }

    static func makePrivate(_ path: String) -> Bool { chmod(path, 0o600) == 0 }
}

extension String {
    /// A sentence as the end of another one.
    var asCause: String { hasSuffix(".") ? String(dropLast()) : self }
}
