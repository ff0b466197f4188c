import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// The disk under PostgreSQL is full, while that of the blobs has room.
@Suite(.serialized) struct FullDatabaseTests {
    /// Devices that are in sync, one of which runs.
    private func household(_ address: String) throws -> (Household, photos: String) {
        let house = try Household(database: address)
        let photos = house.folder.file("photos")
        try Files.makePhotos(30, byteCount: 20_000, in: photos)
        try house.signIn("camera", optimize: true)
        try house.signIn("laptop")
        try house.martlet("camera", "photos", "source", "add", photos)
        try house.expectSynced("camera", "laptop")
        _ = try house.startAgent("camera")
        try house.expectUpToDate("camera", items: 30)
        return (house, photos)
    }

    private func expectAll(_ photos: String, _ house: Household) throws {
        let expected = Set(try Files.digests(in: photos).keys)
        try house.expectUpToDate("camera", items: expected.count)
        try house.expectSynced("laptop")
        try house.expectLibrary("laptop", holds: expected)
        #expect(house.server?.isRunning == true)
    }

    @Test(
        .timeLimit(.minutes(4)),
        .enabled(if: SmallDisk.canBeMade, "mounting a small disk takes root"))
    func `while tables cannot grow devices say whose disk is full, and go on when they can`()
        throws
    {
        let disk = try SmallDisk(megabytes: 64)
        let postgres = try PostgresServer()
        try disk.give(to: "postgres")
        try postgres.run("CREATE TABLESPACE small LOCATION '\(disk.path)'")
        try postgres.run("CREATE DATABASE home TABLESPACE small")
        let (house, photos) = try household(postgres.address("home"))
        try house.expectReason(
            "serverStorageFull", on: "camera", saying: "The server's disk is full",
            within: 30
        ) {
            try disk.fill(leaving: 64)
            try Files.makePhotos(600, byteCount: 5_000, first: 1_000, in: photos)
        } goneAfter: {
            // What is there can still be read.
            try house.expectSynced("laptop")
            try disk.empty()
        }
        try expectAll(photos, house)
    }

    @Test(
        .timeLimit(.minutes(4)),
        .enabled(if: SmallDisk.canBeMade, "mounting a small disk takes root"))
    func `a PostgreSQL that ends because its disk is full loses nothing that was answered`()
        throws
    {
        let disk = try SmallDisk(megabytes: 160)
        let postgres = try PostgresServer(on: disk)
        try postgres.run("CREATE DATABASE home")
        let (house, photos) = try household(postgres.address("home"))
        try disk.fill(leaving: 64)
        try Files.makePhotos(300, byteCount: 5_000, first: 1_000, in: photos)
        // Its log wants a new file.
        let hasEnded = soon(within: 60) {
            _ = try? postgres.run("SELECT txid_current(), pg_switch_wal()")
            return !postgres.answers
        }
        #expect(hasEnded, "\(postgres.log.suffix(2_000))")
        #expect(postgres.log.contains("No space left on device"))
        try house.expectShown(
            "serverDown", on: "camera", saying: ["its database does not answer"], within: 30)
        try disk.empty()
        try postgres.stop()
        try postgres.start()
        try expectAll(photos, house)
    }
}
