package import Agent
import Records

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The systemd user service of one device (Documentation/command-line.md).
///
/// The default home's unit is `martlet.service`; a device with a MARTLET_HOME of its own has a unit
/// of its own, named by the device's id, so that several can run on one machine.
package struct UserService {
    let home: DeviceHome
    let name: String
    package let path: String
    let user: String
    private let deviceName: String

    package init(home: DeviceHome, environment: [String: String]) throws {
        self.home = home
        let configuration = try? home.configuration()
        deviceName = configuration?.deviceName ?? "this device"
        let isDefault = (environment["MARTLET_HOME"] ?? "").isEmpty
        name =
            isDefault
            ? "martlet.service"
            : "martlet-\(configuration.map { String($0.device.text.prefix(8)) } ?? "device").service"
        let own = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        guard let folder = own ?? environment["HOME"].map({ $0 + "/.config" }) else {
            throw Complaint(.usage, "homeUnknown", "Set HOME: the service is written below it.")
        }
        path = "\(folder)/systemd/user/\(name)"
        user = Background.user
    }

    /// Writes the unit, whole or not at all.
    func write(program: String) throws {
        do {
            let folder = path.split(separator: "/").dropLast().joined(separator: "/")
            try FileManager.default.createDirectory(
                atPath: "/" + folder, withIntermediateDirectories: true)
            try Data(unit(program: program).utf8).write(
                to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw Complaint(
                .incomplete, "serviceNotWritten", "\(path) cannot be written: check its folder.")
        }
    }

    /// Returns what went wrong, as a sentence.
    func start() -> String? {
        for arguments in [["daemon-reload"], ["enable", name], ["restart", name]] {
            guard Self.systemctl(arguments) else {
                return "This system's user services cannot be asked to start it (systemctl --user "
                    + "\(arguments.joined(separator: " "))): it starts with your next login, "
                    + "or run martlet sync."
            }
        }
        return nil
    }

    /// Returns whether there was one.
    func remove() throws -> Bool {
        guard access(path, F_OK) == 0 else { return false }
        // Without a manager nothing runs.
        _ = Self.systemctl(["disable", "--now", name])
        guard unlink(path) == 0 else {
            throw Complaint(.incomplete, "serviceNotRemoved", "\(path) cannot be removed.")
        }
        _ = Self.systemctl(["daemon-reload"])
        return true
    }

    /// Whether the user's services go on after logout.
    var outlivesLogout: Bool { Background.outlivesLogout(user) }

    /// The unit's text.
    ///
    /// A usage error (64) or a device that was signed out (77) is no reason to start it again.
    package func unit(program: String) -> String {
        """
        # Written by martlet service install; martlet service uninstall removes it.
        [Unit]
        Description=Martlet syncs \(Self.escaped(deviceName))
        StartLimitIntervalSec=0

        [Service]
        Type=exec
        Environment=\(Self.quoted("MARTLET_HOME=" + home.path))
        Environment=\(Background.variable)=user
        ExecStart=\(Self.quoted(program).replacing("$", with: "$$")) sync
        Restart=always
        RestartSec=10
        RestartPreventExitStatus=64 77
        TimeoutStopSec=30

        [Install]
        WantedBy=default.target

        """
    }

    /// One line without specifiers of systemd's own.
    private static func escaped(_ text: String) -> String {
        EscapedText.line(text).replacing("%", with: "%%")
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for character in text {
            switch character {
            case "\"", "\\": quoted += "\\" + String(character)
            case "%": quoted += "%%"
            case "\n": quoted += "\\n"
            default: quoted.append(character)
            }
        }
        return quoted + "\""
    }

    static var runningProgram: String? {
        #if os(Linux)
        guard let path = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(path) }
        return String(cString: path)
        #else
        return CommandLine.arguments.first.map(DeviceHome.absolute)
        #endif
    }

    /// Whether it said yes; its own words go nowhere.
    private static func systemctl(_ arguments: [String]) -> Bool {
        let words = ["systemctl", "--user", "--no-ask-password"] + arguments
        var list: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for word in list { free(word) } }
        var files = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&files)
        defer { posix_spawn_file_actions_destroy(&files) }
        for number in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&files, number, "/dev/null", O_RDWR, 0)
        }
        var process: pid_t = 0
        guard posix_spawnp(&process, words[0], &files, nil, &list, environ) == 0 else {
            return false
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { return false }
        }
        return status == 0
    }
}
