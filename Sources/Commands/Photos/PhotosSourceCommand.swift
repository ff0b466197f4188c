import Agent
import ArgumentParser
import Records
import SyncEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

struct PhotosSourceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "source",
        abstract: "Folders whose photos are sent from where they lie, never changed.",
        subcommands: [Add.self, Remove.self, List.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Send the photos of a folder.")

        @Argument(help: "The folder; it is only read.")
        var folder: String

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let path = DeviceHome.absolute(folder)
            var isFolder = false
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder
            else { throw Complaint(.usage, "notAFolder", "\(path) is not a folder.") }
            let library = try home.configuration().library
            guard !PathRules.overlap(path, library) else {
                throw Complaint(
                    .usage, "libraryTaken",
                    "\(path) and the library \(library) lie in each other: choose another folder.")
            }
            try DeviceDatabase(home).write { (rows) throws(RowsError) in
                _ = try rows.addRoot(DiskRoot(path: path))
            }
            await DeviceContext.tellAgent(home)
            if output.json { return try Output.json(["source": path]) }
            Output.line("Photos in \(path) are sent with the next sync.")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look at a folder no longer; what was sent stays in the cloud.")

        @Argument(help: "The folder.")
        var folder: String

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let path = DeviceHome.absolute(folder)
            let isRemoved = try DeviceDatabase(home).write { (rows) throws(RowsError) in
                let roots = try rows.storedRoots().filter {
                    !$0.id.isLibrary && !$0.isOnce && $0.disk.path == Array(path.utf8)
                }
                for root in roots { try rows.removeRoot(root.id) }
                return !roots.isEmpty
            }
            guard isRemoved else {
                throw Complaint(
                    .usage, "notASource", "\(path) is no source: see martlet photos source list.")
            }
            await DeviceContext.tellAgent(home)
            if output.json { return try Output.json(["removed": path]) }
            Output.line("\(path) is no longer a source; what was sent stays in the cloud.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the sources.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let home = try DeviceContext.signedIn()
            let paths = try DeviceDatabase(home).read { (rows) throws(RowsError) in
                try rows.storedRoots().filter { !$0.id.isLibrary && !$0.isOnce }
                    .map { String(decoding: $0.disk.path, as: UTF8.self) }
            }
            if output.json { return try Output.json(paths) }
            for path in paths { Output.line(path) }
        }
    }
}

enum PathRules {
    /// Whether one of two absolute paths lies in the other.
    static func overlap(_ left: String, _ right: String) -> Bool {
        left == right || left.hasPrefix(right + "/") || right.hasPrefix(left + "/")
    }
}
