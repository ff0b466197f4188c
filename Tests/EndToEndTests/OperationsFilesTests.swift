import Foundation
import TestSupport
import Testing

/// The files of `Operations/` against the program: what they say to it, it understands.
@Suite struct OperationsFilesTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    private static let folder = root + "/Operations"

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: Self.folder + "/" + name, encoding: .utf8)
    }

    /// A file's YAML documents, by the parser that the S3 store for tests brings along.
    private func documents(_ name: String) throws -> [[String: Any]] {
        let build =
            ProcessInfo.processInfo.environment["MARTLET_BUILD"] ?? Self.root + "/.build"
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: build + "/python/bin/python")
        process.arguments = [
            "-c",
            "import json, sys, yaml; "
                + "print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))",
            Self.folder + "/" + name,
        ]
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(name) is no YAML")
        return try #require(try JSONSerialization.jsonObject(with: bytes) as? [[String: Any]])
    }

    /// Every list of words in a document.
    private func lists(in value: Any) -> [[String]] {
        if let list = value as? [Any] {
            return [list.compactMap { $0 as? String }] + list.flatMap(lists)
        }
        return (value as? [String: Any])?.values.flatMap(lists) ?? []
    }

    /// What a file gives to `martlet`, each from its subcommand on.
    private func commands(in name: String) throws -> [[String]] {
        if name.hasSuffix(".yaml") {
            return try documents(name).flatMap(lists).filter { $0.first == "serve" }
        }
        return try text(name).split(separator: "\n").compactMap { line in
            if line.hasPrefix("ExecStart=") {
                return line.split(separator: " ").dropFirst().map(String.init)
            }
            if line.hasPrefix("CMD ") {
                return try JSONDecoder().decode([String].self, from: Data(line.dropFirst(4).utf8))
            }
            guard line.hasPrefix("MARTLET_OPTIONS=") else { return nil }
            let options = line.dropFirst("MARTLET_OPTIONS=".count)
            return ["serve"]
                + options.split(whereSeparator: { " \"".contains($0) }).map(String.init)
        }
    }

    @Test(arguments: [
        "Containerfile", "compose.yaml", "kubernetes.yaml", "systemd/martlet.service",
        "systemd/martlet@.service", "systemd/martlet.env",
    ])
    func `every option that a file gives to martlet is one`(name: String) throws {
        let commands = try commands(in: name)
        #expect(!commands.isEmpty, "\(name) does not start martlet")
        let help = try Program.run(["serve", "--help"]).output
        let known = Set(help.split { !($0.isLetter || $0.isNumber || $0 == "-") })
        for command in commands {
            #expect(command.first == "serve")
            let options = command.filter { $0.hasPrefix("--") }
            #expect(!options.isEmpty)
            for option in options {
                #expect(known.contains(option[...]), "\(name): martlet serve has no \(option)")
            }
        }
    }

    /// An option that needs another, or an address that cannot be read, is found out before
    /// anything is opened: only what is not there stands in the way.
    @Test(arguments: ["compose.yaml", "kubernetes.yaml", "systemd/martlet.env"])
    func `martlet reads the values of the options too`(name: String) throws {
        let house = try TemporaryFolder()
        var command = try #require(try commands(in: name).first)
        if let data = command.firstIndex(of: "--data") {
            command[data + 1] = house.file("data")
        } else {
            command += ["--data", house.file("data"), "--blobs-shared"]
        }
        command = command.map { word in
            let word = word.replacing(/\$\{[^}]*\}/, with: "photos.example.org")
            // Nobody is asked over the network.
            return word.hasPrefix("postgres://") ? "postgres://martlet@127.0.0.1:1/martlet" : word
        }
        let result = try Program.run(
            command,
            environment: ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"])
        #expect(result.status == 75, "\(result.errors)")
        #expect(result.errors.contains("cannot be reached"), "\(result.errors)")
    }

    @Test func `the cluster's parts name each other, and the probes ask what is answered`() throws {
        let parts = try documents("kubernetes.yaml")
        let kinds = parts.compactMap { $0["kind"] as? String }
        #expect(kinds == ["Secret", "Deployment", "Service"])
        let deployment = try #require(parts.first { $0["kind"] as? String == "Deployment" })
        let spec = try #require(deployment["spec"] as? [String: Any])
        #expect(spec["replicas"] as? Int == 2)
        let template = try #require(spec["template"] as? [String: Any])
        let labels = (template["metadata"] as? [String: Any])?["labels"] as? [String: String]
        let selector = (spec["selector"] as? [String: Any])?["matchLabels"] as? [String: String]
        #expect(labels != nil && labels == selector)
        let service = try #require(parts.last?["spec"] as? [String: Any])
        #expect(service["selector"] as? [String: String] == labels)

        let pod = try #require(template["spec"] as? [String: Any])
        let container = try #require((pod["containers"] as? [[String: Any]])?.first)
        let house = try Household()
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let request = (container[probe] as? [String: Any])?["httpGet"] as? [String: Any]
            let path = try #require(request?["path"] as? String)
            #expect(
                try shell("curl -sf -o /dev/null \(house.url)\(path)") == 0, "\(probe): \(path)")
        }
        #expect(try text("Caddyfile").contains("health_uri /health\n"))
    }

    @Test func `the image has every package that bootstrap installs`() throws {
        let bootstrap = try String(contentsOfFile: Self.root + "/script/bootstrap", encoding: .utf8)
        let list = try #require(bootstrap.firstMatch(of: /packages=\(([^)]*)\)/)).1
        let packages = list.split(whereSeparator: \.isWhitespace)
        #expect(packages.count > 5)
        let image = Set(try text("Containerfile").split(whereSeparator: \.isWhitespace))
        for package in packages {
            #expect(image.contains(package), "Operations/Containerfile lacks \(package)")
        }
    }

    private static let canVerify = FileManager.default.isExecutableFile(
        atPath: "/usr/bin/systemd-analyze")

    @Test(
        .enabled(if: OperationsFilesTests.canVerify, "systemd-analyze is not there"),
        arguments: [
            ("martlet.service", "martlet.service"), ("martlet@.service", "martlet@8251.service"),
        ]
    )
    func `systemd takes the units`(name: String, instance: String) throws {
        let folder = try TemporaryFolder()
        // It looks whether the program is there.
        let unit = try text("systemd/\(name)")
            .replacing("/usr/local/bin/martlet", with: Program.path)
        try Data(unit.utf8).write(to: URL(fileURLWithPath: folder.file(instance)))
        let status = try shell(
            "systemd-analyze verify --man=no '\(folder.file(instance))' >'\(folder.file("said"))' 2>&1"
        )
        let said = try String(contentsOfFile: folder.file("said"), encoding: .utf8)
        #expect(status == 0 && !said.contains("martlet"), "\(said)")
    }
}
