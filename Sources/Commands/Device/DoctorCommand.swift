import Agent
import ArgumentParser
import Examinations
import Records
import Status

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

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at everything that can make sync stall, say what is wrong, and mend it.",
        subcommands: [Examine.self, Undo.self, StartOverCommand.self],
        defaultSubcommand: Examine.self)

    struct Examine: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Examine this device, or with --server a server; mend only with --fix.")

        @Flag(help: "Mend what is found: without risk at once, the rest after a question.")
        var fix = false

        @Flag(help: "With --fix: answer every question with yes.")
        var yes = false

        @Flag(
            help: ArgumentHelp(
                "Also read every original again, and ask the server to prove its copies; with "
                    + "--server: every stored byte."))
        var deep = false

        @Option(help: "Write what a helper needs into this file, without names or secrets.")
        var bundle: String?

        @Flag(help: "Look at a server instead, beside it, running or not.")
        var server = false

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if server && bundle != nil {
                throw ValidationError("--bundle is of a device: leave out --server.")
            }
            if yes && !fix { throw ValidationError("--yes answers the questions of --fix.") }
        }

        func run() async throws {
            if server {
                return try await ServerDoctor(
                    place: place, isDeep: deep, fixes: fix, isYes: yes, output: output
                ).run()
            }
            let home = DeviceContext.home
            let service = try? UserService(home: home, environment: DeviceContext.environment)
            let isService = service.map { access($0.path, F_OK) == 0 } ?? false
            var restart: (@Sendable () -> String?)?
            if isService, let service { restart = { service.start() } }
            let question = Question(
                home: home, isUserService: isService, isDeep: deep, progress: progress)
            var report = await Examinations.run(question)
            var treatments = Remedies.plan(report).map { Treatment(step: $0, outcome: nil) }
            if fix, !treatments.isEmpty {
                let remedies = Remedies(question, restart: restart)
                if !output.json { DoctorText.lines(report, []).forEach(Output.line) }
                for index in treatments.indices {
                    treatments[index].outcome = await treat(treatments[index].step, remedies)
                    if !output.json {
                        DoctorText.lines(treatments[index]).forEach(Output.line)
                    }
                }
                if !output.json { ["", "After that:"].forEach(Output.line) }
                // What was mended is looked at again; a deep look was just made.
                report = await Examinations.run(
                    Question(home: home, isUserService: isService))
            }
            try show(report, treatments)
            if let bundle { try await write(bundle, question, report, treatments) }
            let isWell = report.complaints.isEmpty
            if !isWell { throw ExitCode(CommandStatus.incomplete.rawValue) }
        }

        private func write(
            _ path: String, _ question: Question, _ report: DoctorReport,
            _ treatments: [Treatment]
        ) async throws {
            let bundle = await DiagnosisBundle.make(
                question, report, treatments.map { ($0.step, $0.outcome) })
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            do {
                try encoder.encode(bundle).write(to: URL(fileURLWithPath: path), options: .atomic)
            } catch {
                throw Complaint(
                    .incomplete, "fileUnusable",
                    "\(path) cannot be written: name a file in a folder of yours.")
            }
            if !output.json {
                Output.line("")
                Output.line(
                    "\(path) has what a helper needs, without names of files or secrets: read it "
                        + "before you pass it on.")
            }
        }

        private func show(_ report: DoctorReport, _ treatments: [Treatment]) throws {
            if output.json { return try Output.json(DoctorJSON(report, treatments)) }
            let isAfter = fix && !treatments.isEmpty
            DoctorText.lines(report, fix ? [] : treatments, brief: isAfter).forEach(Output.line)
        }

        private func treat(_ step: RemedyStep, _ remedies: Remedies) async -> RemedyOutcome? {
            guard step.rule.isRiskless || yes || Self.isAllowed(step, output) else { return nil }
            return await remedies.apply(step)
        }

        /// Asks on a terminal; a script is told by what stays undone.
        static func isAllowed(_ step: RemedyStep, _ output: OutputOptions) -> Bool {
            guard !output.json, isatty(STDIN_FILENO) == 1 else { return false }
            for finding in step.findings { Output.line(finding.message) }
            Output.line(
                "\(step.rule.title): \(step.rule.action) It takes \(step.rule.time); the risk is "
                    + "\(step.rule.risk.rawValue). \(step.rule.undo)")
            Output.raw("Do it? [y/N] ")
            return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
        }

        private var progress: @Sendable (Int, Int) -> Void {
            guard Output.isTerminal, !output.json else { return { _, _ in } }
            return { done, all in
                Output.raw("\r\u{1B}[K\(done) of \(all) read again\(done == all ? "\n" : "")")
            }
        }
    }

    struct Undo: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put back what the latest repair moved aside.")

        @Flag(help: "Put back the database of a server instead, while it does not run.")
        var server = false

        @OptionGroup var place: ServerPlaceOptions
        @OptionGroup var output: OutputOptions

        private struct Undone: Encodable {
            let remedy: String?
            let putBack: [String]
            let stayed: [String]
        }

        func run() async throws {
            if server { return try ServerDoctor.undo(place, output) }
            let home = try DeviceContext.signedIn()
            let library = try home.configuration().library
            guard let latest = Quarantine.batches(in: library).last else {
                if output.json {
                    return try Output.json(Undone(remedy: nil, putBack: [], stayed: []))
                }
                return Output.line("No repair has moved anything aside.")
            }
            let undone: (done: [Quarantine.Entry], stayed: [Quarantine.Entry])
            do {
                undone = try Quarantine.undo(latest, in: library)
            } catch {
                throw Complaint(
                    .incomplete, "undoFailed",
                    "Not everything could be put back (\(error.text)): it lies in "
                        + "\(Quarantine.path(of: library))/\(latest.name).")
            }
            await DeviceContext.tellAgent(home)
            if output.json {
                try Output.json(
                    Undone(
                        remedy: latest.manifest.remedy, putBack: undone.done.map(\.path),
                        stayed: undone.stayed.map(\.path)))
            } else {
                for entry in undone.done { Output.line("\(entry.path) is back.") }
                for entry in undone.stayed {
                    Output.line("\(entry.path) stays aside: something else lies in its place.")
                }
            }
            if !undone.stayed.isEmpty { throw ExitCode(CommandStatus.incomplete.rawValue) }
        }
    }
}

/// A remedy that the doctor knows for this device now, and what became of it.
struct Treatment {
    let step: RemedyStep
    /// `nil`: it was not done.
    var outcome: RemedyOutcome?
}
