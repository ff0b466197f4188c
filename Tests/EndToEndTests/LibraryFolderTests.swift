import Foundation
import Glibc
import TestSupport
import Testing

/// What befalls the library's folder: told with its evidence, nothing is deleted because of it, and
/// gone with its cause.
@Suite(.serialized) struct LibraryFolderTests {
    private func household() throws -> Household {
        let house = try Household()
        try house.signIn("camera")
        try addPhoto(house, "DSCN0010.jpg")
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera", items: 1)
        return house
    }

    private func addPhoto(_ house: Household, _ name: String, as path: String? = nil) throws {
        try FileManager.default.copyItem(
            atPath: RealPhotos.path("gps/" + name),
            toPath: house.library("camera") + "/" + (path ?? name))
    }

    /// Everything is as it was, on the server too.
    private func expectUntouched(_ house: Household) throws {
        try house.expectUpToDate("camera", items: 1)
        #expect(Files.names(in: house.library("camera")) == ["DSCN0010.jpg"])
        #expect(try DecisionTests.photos(house, "camera").map(\.state) == ["inSync"])
    }

    @Test(.timeLimit(.minutes(2)))
    func `a folder that is away, and a tool beside Martlet in it`() throws {
        let house = try household()
        let library = house.library("camera")
        try house.expectReason(
            "volumeMissing", on: "camera", saying: library, "its mark is not there"
        ) {
            try FileManager.default.moveItem(atPath: library, toPath: library + "-away")
        } goneAfter: {
            try FileManager.default.moveItem(atPath: library + "-away", toPath: library)
        }
        try house.expectReason("otherSyncTool", on: "camera", saying: "Syncthing", ".stfolder") {
            try FileManager.default.createDirectory(
                atPath: library + "/.stfolder", withIntermediateDirectories: false)
        } goneAfter: {
            try FileManager.default.removeItem(atPath: library + "/.stfolder")
        }
        try expectUntouched(house)
    }

    private func edit(_ mark: String, _ body: (inout [String: Any]) -> Void) throws {
        let known = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: mark)))
        var fields = try #require(known as? [String: Any])
        body(&fields)
        try JSONSerialization.data(withJSONObject: fields)
            .write(to: URL(fileURLWithPath: mark), options: .atomic)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a folder that is another device's, another account's, or older`() throws {
        let house = try household()
        let (library, mark) = (house.library("camera"), house.library("camera") + "/.martlet/mark")
        let good = try Data(contentsOf: URL(fileURLWithPath: mark))
        let other = "0123456789abcdef0123456789abcdef"
        /// What was put back, with whatever else comes with it.
        func putBack(_ body: (inout [String: Any]) -> Void) throws {
            try good.write(to: URL(fileURLWithPath: mark), options: .atomic)
            try edit(mark, body)
            try Data().write(to: URL(fileURLWithPath: library + "/.notice"))
            try FileManager.default.removeItem(atPath: library + "/.notice")
        }
        try house.expectReason("libraryInUseElsewhere", on: "camera", saying: other) {
            try putBack { $0["device"] = other }
        } goneAfter: {
            try putBack { _ in }
        }
        try house.expectReason("otherAccount", on: "camera", saying: other) {
            try putBack { $0["account"] = other }
        } goneAfter: {
            try putBack { _ in }
        }
        try house.expectReason(
            "libraryRestored", on: "camera", saying: "nothing was deleted", "martlet library accept"
        ) {
            try putBack { $0["generation"] = 0 }
        } goneAfter: {
            let accepted = try house.martlet("camera", "library", "accept")
            #expect(accepted.status == 0)
        }
        try expectUntouched(house)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a limit of ten watched folders is told, and costs nothing but time`() throws {
        let house = try Household()
        let library = house.library("camera")
        try house.signIn("camera")
        try house.setConditions(#"{"watchLimit":10}"#, on: "camera")
        for number in 0..<12 {
            try FileManager.default.createDirectory(
                atPath: library + "/\(number)", withIntermediateDirectories: false)
        }
        try house.expectReason(
            "watchLimit", on: "camera", saying: "limit of 10 ", "fs.inotify.max_user_watches="
        ) {
            _ = try house.startAgent("camera")
        } goneAfter: {
            try house.expectUpToDate("camera")
            for (number, name) in ["DSCN0010.jpg", "DSCN0012.jpg"].enumerated() {
                try addPhoto(house, name, as: "\(10 + number)/new.jpg")
            }
            try house.setConditions("{}", on: "camera")
        }
        try house.expectUpToDate("camera", items: 2)
    }

    @Test(.timeLimit(.minutes(2)))
    func `a file past the limit is named with it, and holds nothing up`() throws {
        let house = try household()
        let film = house.library("camera") + "/film.mov"
        let made = house.folder.file("film.mov")
        try house.expectReason(
            "tooLarge", on: "camera", item: film, saying: "film.mov", "68719476737 bytes",
            "68719476736"
        ) {
            // Holes only: it takes no room.
            #expect(FileManager.default.createFile(atPath: made, contents: nil))
            try #require(truncate(made, 64 << 30 + 1) == 0)
            try FileManager.default.moveItem(atPath: made, toPath: film)
        } goneAfter: {
            try house.expectShown("tooLarge", on: "camera", saying: ["68719476737 bytes"])
            try addPhoto(house, "DSCN0012.jpg")
            #expect(
                try soon {
                    let status = try house.status("camera")
                    return status.counts["inSync"] == 2 && status.counts["failed"] == 1
                })
            #expect(try house.status("camera").state == "attention")
            try FileManager.default.removeItem(atPath: film)
        }
        try house.expectUpToDate("camera", items: 2)
    }
}
