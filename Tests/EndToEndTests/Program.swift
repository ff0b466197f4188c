import Foundation
import TestSupport

/// The built `martlet`, run as its users run it.
struct Program {
    struct Result {
        let status: Int32
        let output: String
        let errors: String
    }

    /// Another one than the built: that of an earlier version.
    @TaskLocal static var other: String?

    /// Beside the test bundle, in the same build folder.
    static var path: String {
        if let other { return other }
        let products = Bundle.main.bundleURL.deletingLastPathComponent()
        let candidates = [
            products.appendingPathComponent("martlet").path,
            CommandLine.arguments.first.map {
                URL(fileURLWithPath: $0).deletingLastPathComponent().path + "/martlet"
            } ?? "",
            ProcessInfo.processInfo.environment["MARTLET_PROGRAM"] ?? "",
        ]
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) } ?? "martlet"
    }

    static func start(
        _ arguments: [String], environment more: [String: String] = [:], input: String? = nil,
        output: FileHandle? = nil
    ) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(more) { $1 }
        let pipe = Pipe()
        process.standardInput = pipe
        process.standardOutput = output ?? FileHandle.nullDevice
        process.standardError = output ?? FileHandle.nullDevice
        try process.run()
        if let input { pipe.fileHandleForWriting.write(Data(input.utf8)) }
        try pipe.fileHandleForWriting.close()
        return process
    }

    /// Runs to the end; what it printed is read from files, so that a full pipe can't hang it.
    ///
    /// A program that has not ended after ten minutes is killed: its status is that of the signal.
    static func run(
        _ arguments: [String], home: String? = nil, environment more: [String: String] = [:],
        input: String? = nil
    ) throws -> Result {
        let folder = try TemporaryFolder()
        let names = ["out", "err"].map(folder.file)
        for name in names { _ = FileManager.default.createFile(atPath: name, contents: nil) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(more) { $1 }
        if let home { process.environment?["MARTLET_HOME"] = home }
        process.standardOutput = FileHandle(forWritingAtPath: names[0])
        process.standardError = FileHandle(forWritingAtPath: names[1])
        let pipe = Pipe()
        process.standardInput = pipe
        try process.run()
        if let input { pipe.fileHandleForWriting.write(Data(input.utf8)) }
        try pipe.fileHandleForWriting.close()
        let identifier = process.processIdentifier
        let end = DispatchWorkItem { kill(identifier, SIGKILL) }
        DispatchQueue.global().asyncAfter(deadline: .now() + 600, execute: end)
        process.waitUntilExit()
        end.cancel()
        let texts = names.map { (try? String(contentsOfFile: $0, encoding: .utf8)) ?? "" }
        return Result(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }
}

/// Runs a shell's command; returns its exit code.
func shell(_ command: String) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
}
