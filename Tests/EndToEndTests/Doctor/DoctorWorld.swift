import Foundation
import Glibc
import Records
import TestSupport

/// A server and a device in sync, into which faults are planted one after another.
final class DoctorWorld {
    let house: Household
    let device: String
    private(set) var digests: Set<Digest> = []
    private var stranger: Process?
    private var disk: SmallDisk?

    static let names = [
        "gps/DSCN0010.jpg", "gps/DSCN0012.jpg", "gps/DSCN0021.jpg", "gps/DSCN0025.jpg",
        "gps/DSCN0027.jpg", "gps/DSCN0029.jpg",
    ]

    /// `optimize`: the pictures come from another device, and here are their previews.
    ///
    /// `isBackedUp`: the server has a backup that was proven to restore.
    init(optimize: Bool = false, usesTLS: Bool = false, isBackedUp: Bool = false) throws {
        house = try Household(usesTLS: usesTLS)
        device = optimize ? "phone" : "camera"
        try house.signIn("camera")
        for name in Self.names { try add(name, on: "camera") }
        try sync("camera")
        if optimize {
            let waited = try house.martlet("camera", "photos", "wait", "--rendered", "--previews")
            guard waited.status == 0 else { throw HouseholdError(description: waited.errors) }
            try house.signIn("phone", optimize: true)
            try sync("phone")
        }
        digests = Set(try Files.digests(in: library).keys)
        if isBackedUp { try backUp() }
    }

    /// A service is nobody's child: it would outlive a test that broke off.
    deinit {
        if !house.surroundings.isEmpty, let agent = try? servicePID() { kill(agent, SIGKILL) }
    }

    var library: String { house.library(device) }
    var database: String { house.home(device) + "/device.sqlite" }
    var first: String { library + "/DSCN0010.jpg" }

    func sync(_ device: String? = nil) throws {
        let result = try house.martlet(device ?? self.device, "sync", "--once")
        guard result.status == 0 else {
            throw HouseholdError(description: "sync: \(result.output)\(result.errors)")
        }
    }

    /// A real picture of the collection, into the library's top.
    func add(_ name: String, on device: String? = nil) throws {
        let last = name.split(separator: "/").last.map(String.init) ?? name
        let library = house.library(device ?? self.device)
        try FileManager.default.copyItem(
            atPath: RealPhotos.path(name), toPath: "\(library)/\(last)")
    }

    /// A picture that is in sync, and whose copy the server has not read back yet.
    func addNew(_ number: Int) throws -> String {
        let name = RealPhotos.names(in: ["camera"])[number]
        try add(name)
        try sync()
        return "\(library)/\(name.split(separator: "/").last ?? "")"
    }

    func write(_ text: String, to path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    func overwrite(_ bytes: [UInt8], at offset: Int, of path: String) throws {
        mode(0o644, of: path)
        guard let file = FileHandle(forUpdatingAtPath: path) else {
            throw HouseholdError(description: "\(path) cannot be opened")
        }
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: Data(bytes))
        try file.close()
    }

    func byteCount(_ path: String) -> Int {
        (try? Data(contentsOf: URL(fileURLWithPath: path)).count) ?? 0
    }

    func mode(_ mode: mode_t, of path: String) { _ = chmod(path, mode) }

    /// The bytes rot under a file whose times stay as they are: the rows' stamp follows the one that
    /// the test's own writing has left.
    func rot(_ path: String) throws {
        var before = stat()
        _ = stat(path, &before)
        try overwrite([UInt8](repeating: 0x5A, count: 64), at: 20_000, of: path)
        let times = [before.st_atim, before.st_mtim]
        _ = utimensat(AT_FDCWD, path, times, 0)
        var after = stat()
        _ = stat(path, &after)
        let changed = Int64(after.st_ctim.tv_sec) * 1_000_000_000 + Int64(after.st_ctim.tv_nsec)
        let name = path.split(separator: "/").last ?? ""
        try sql(
            "UPDATE localFile SET changedAt = \(changed) WHERE name = CAST('\(name)' AS BLOB)",
            on: database)
    }

    /// The server's object of a picture.
    func object(of path: String) throws -> String {
        let digest = Digest(of: try Data(contentsOf: URL(fileURLWithPath: path))).text
        let folder = house.folder.file("data") + "/blobs/objects"
        let all = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
        for name in all where name.contains(digest) { return folder + "/" + name }
        for name in all {
            let path = folder + "/" + name
            guard let data = try? Data(contentsOf: URL(fileURLWithPath: path)) else { continue }
            if Digest(of: data).text == digest { return path }
        }
        throw HouseholdError(description: "the server has no object \(digest)")
    }

    /// A web server of somebody else's, where ours was.
    func startStranger() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-m", "http.server", "--bind", "127.0.0.1", "--directory",
            house.folder.path, "\(house.port)",
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        stranger = process
        guard soon({ (try? house.get("/"))?.isEmpty == false }) else {
            throw HouseholdError(description: "no web server started")
        }
    }

    func endStranger() {
        guard let process = stranger else { return }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        stranger = nil
    }

    // MARK: The device's own folder, on a small disk

    func moveHome() throws {
        let disk = try SmallDisk(megabytes: 24)
        let home = house.home(device)
        let moved = "cp -a '\(home)' '\(disk.path)/home' && mv '\(home)' '\(home)-away'"
        guard try shell("\(moved) && ln -s '\(disk.path)/home' '\(home)'") == 0 else {
            throw HouseholdError(description: "\(home) cannot be moved")
        }
        self.disk = disk
    }

    func fillHome() throws { try disk?.fill(leaving: 0) }

    func setHomeReadOnly(_ isReadOnly: Bool) throws { try disk?.setReadOnly(isReadOnly) }

    /// With all that was written meanwhile.
    func moveHomeBack() throws {
        let home = house.home(device)
        try disk?.empty()
        let back = "cp -a '\(home)/.' '\(home)-back' && rm '\(home)' && mv '\(home)-back' '\(home)'"
        guard try shell("\(back) && rm -r '\(home)-away'") == 0 else {
            throw HouseholdError(description: "\(home) cannot be moved back")
        }
        disk = nil
    }

    /// Every digest that was there in the beginning is there still.
    func lacking() throws -> Set<Digest> {
        digests.subtracting(Set(try Files.digests(in: library).keys))
    }
}
