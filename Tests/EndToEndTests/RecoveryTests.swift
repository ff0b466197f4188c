import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// Servers that went back in time, and disks that are full.
@Suite(.serialized) struct RecoveryTests {
    private func copy(_ names: Range<Int>, to folder: String) throws {
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let all = Files.names(in: RealPhotos.path("camera"))
        for name in all[names] {
            try FileManager.default.copyItem(
                atPath: RealPhotos.path("camera") + "/" + name, toPath: folder + "/" + name)
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `a data folder that was rolled back gets everything again, and no device loses a picture`()
        throws
    {
        let house = try Household()
        let photos = house.folder.file("photos")
        try copy(0..<12, to: photos)
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop")
        try house.martlet("camera", "photos", "source", "add", photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)

        house.killServer()
        let (data, old) = (house.folder.file("data"), house.folder.file("old"))
        #expect(try shell("cp -a '\(data)' '\(old)'") == 0)
        try house.startServer()
        try copy(12..<30, to: photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)

        house.killServer()
        #expect(try shell("rm -rf '\(data)' && mv '\(old)' '\(data)'") == 0)
        try house.startServer()
        for device in ["laptop", "camera", "laptop"] {
            let result = try house.martlet(device, "sync", "--once")
            #expect(result.status == 0, "\(device): \(result.output)\n\(result.errors)")
        }
        let expected = Set(try Files.digests(in: photos).keys)
        let arrived = try Files.digests(in: house.library("laptop"))
        #expect(Set(arrived.keys) == expected)
        #expect(arrived.values.allSatisfy { $0.count == 1 })

        // A third device, which knows nothing yet, proves that the server has them all.
        try house.signIn("tablet")
        #expect(try house.martlet("tablet", "sync", "--once").status == 0)
        #expect(Set(try Files.digests(in: house.library("tablet")).keys) == expected)
    }

    @Test(.timeLimit(.minutes(3)), .enabled(if: getuid() == 0, "mounting a small disk takes root"))
    func `a device whose disk is full says so, and goes on when there is room`() throws {
        let house = try Household()
        let photos = house.folder.file("photos")
        try copy(0..<30, to: photos)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)

        let library = house.library("laptop")
        try FileManager.default.createDirectory(atPath: library, withIntermediateDirectories: true)
        try #require(try shell("mount -t tmpfs -o size=1m martlet-test '\(library)'") == 0)
        defer { _ = try? shell("umount -l '\(library)'") }
        try house.signIn("laptop")
        let full = try house.martlet("laptop", "sync", "--once")
        #expect(full.status == 3, "\(full.output)\n\(full.errors)")
        #expect((full.output + full.errors).contains("full"), "\(full.output)\n\(full.errors)")

        #expect(try shell("mount -o remount,size=512m '\(library)'") == 0)
        let done = try house.martlet("laptop", "sync", "--once")
        #expect(done.status == 0, "\(done.output)\n\(done.errors)")
        #expect(
            Set(try Files.digests(in: library).keys) == Set(try Files.digests(in: photos).keys))
    }

    @Test(.timeLimit(.minutes(3)), .enabled(if: getuid() == 0, "mounting a small disk takes root"))
    func `a server whose disk is full takes nothing halfway, and goes on when there is room`()
        throws
    {
        let folder = try TemporaryFolder()
        let small = folder.file("small")
        try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: true)
        try #require(try shell("mount -t tmpfs -o size=6m martlet-test '\(small)'") == 0)
        defer { _ = try? shell("umount -l '\(small)'") }
        let house = try Household(data: small + "/data")
        let photos = house.folder.file("photos")
        try FileManager.default.createDirectory(atPath: photos, withIntermediateDirectories: true)
        for index in 0..<40 {
            let bytes = (0..<300_000).map {
                UInt8(truncatingIfNeeded: ($0 &* 97) ^ ($0 >> 7) ^ index)
            }
            try (Data([0xff, 0xd8, 0xff]) + Data(bytes))
                .write(to: URL(fileURLWithPath: "\(photos)/\(index).jpg"))
        }
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        let full = try house.martlet("camera", "sync", "--once")
        #expect(full.status == 3, "\(full.output)\n\(full.errors)")
        #expect(
            (full.output + full.errors).contains("serverStorageFull")
                || (full.output + full.errors).contains("server’s disk")
                || (full.output + full.errors).contains("server's disk"),
            "\(full.output)\n\(full.errors)")

        #expect(try shell("mount -o remount,size=512m '\(small)'") == 0)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        try house.signIn("laptop")
        #expect(try house.martlet("laptop", "sync", "--once").status == 0)
        #expect(try Files.digests(in: house.library("laptop")).count == 40)
    }
}
