import Foundation
import Glibc
import Records
import TestSupport
import Testing

/// Backups into a bucket, as processes.
@Suite(.serialized) struct BucketBackupTests {
    private let store: S3TestServer

    init() throws { store = try S3TestServer.shared() }

    private func run(
        _ arguments: [String], _ change: [String: String] = [:]
    ) throws -> Program.Result {
        try Program.run(arguments, environment: store.environment.merging(change) { $1 })
    }

    private func decoded<Value: Decodable>(_ result: Program.Result) throws -> Value {
        #expect(result.status == 0, "\(result.output)\n\(result.errors)")
        return try JSONDecoder().decode(Value.self, from: Data(result.output.utf8))
    }

    private func list(_ place: String) throws -> [ShownBackups.Backup] {
        let kept: ShownBackups = try decoded(run(["backup", "list", "--from", place, "--json"]))
        return kept.backups
    }

    /// `false` also while there is no backup yet.
    private func isProven(_ place: String) -> Bool {
        guard let result = try? run(["backup", "list", "--from", place, "--json"]),
            let kept = try? JSONDecoder().decode(ShownBackups.self, from: Data(result.output.utf8))
        else { return false }
        return kept.backups.last?.provenAt != nil
    }

    @Test func `a place that cannot be used is told with what to do`() throws {
        let house = try Household()
        let data = house.folder.file("data")
        let good = store.place(house.folder.name)
        for (place, change, status, help) in [
            (good, ["AWS_SECRET_ACCESS_KEY": "wrong"], 64, "AWS_SECRET_ACCESS_KEY"),
            (good, ["AWS_ACCESS_KEY_ID": ""], 64, "needs a key"),
            ("s3://not-there", [:], 64, "no bucket not-there"),
            ("s3://", [:], 64, "a folder, or s3://BUCKET"),
            (good, ["AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"], 75, "connection refused"),
        ] as [(String, [String: String], Int32, String)] {
            for words in [
                ["backup", "--to", place, "--data", data],
                ["backup", "schedule", "--to", place, "--data", data],
                ["backup", "list", "--from", place], ["backup", "prune", "--from", place],
                ["prove", "--from", place, "--data", data],
                ["restore", "--from", place, "--data", house.folder.file("other")],
            ] {
                let result = try run(words, change)
                #expect(result.status == status, "\(words) \(change): \(result.errors)")
                #expect(result.errors.contains(help), "\(words): \(result.errors)")
            }
        }
        for words in [
            ["backup", "list", "--from", good], ["backup", "prune", "--from", good],
            ["prove", "--from", good, "--data", data],
        ] {
            let none = try run(words)
            #expect(none.status == 64 && none.errors.contains("no whole backup in \(good)"))
        }
        // Where a server has its blobs no backup goes.
        let inBucket = try Household(inBucket: true)
        let blobs = store.place(inBucket.folder.name)
        let taken = try run(["backup", "--to", blobs, "--data", data])
        #expect(taken.status == 64 && taken.errors.contains("holds the objects of a server"))
        let own = [
            "backup", "--data", inBucket.folder.file("data"), "--blobs", blobs, "--to",
        ]
        let within = try run(own + [blobs + "/backup", "--same-disk"])
        #expect(within.status == 64 && within.errors.contains("lie within each other"))
        let same = try run(own + [blobs + "-backup"])
        #expect(same.status == 64 && same.errors.contains("--same-disk"), "\(same.errors)")
        #expect(try run(own + [blobs + "-backup", "--same-disk"]).status == 0)
    }

    @Test(.timeLimit(.minutes(6)))
    func `killed in the middle, a backup goes on, and a lost server comes back from the bucket`()
        async throws
    {
        let house = try Household()
        let photos = house.folder.file("photos")
        let place = store.place("\(house.folder.name)/backup")
        let data = house.folder.file("data")
        try Files.copyRealPhotos(0..<20, to: photos)
        try Files.makePhotos(60, byteCount: 200_000, in: photos)
        try Files.makePhotos(2, byteCount: 30_000_000, first: 900, in: photos)
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        var interrupted = 0
        for milliseconds in [100, 200, 400, 700, 1_000] as [UInt32] {
            let process = try Program.start(
                ["backup", "--to", place, "--data", data], environment: store.environment)
            usleep(milliseconds * 1_000)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            guard process.terminationReason == .uncaughtSignal else { continue }
            interrupted += 1
            // It may have come as far as to be whole.
            guard try run(["backup", "list", "--from", place]).status != 0 else { continue }
            let refused = try run(
                ["restore", "--from", place, "--data", house.folder.file("other")])
            #expect(refused.status == 64, "\(refused.output)\(refused.errors)")
        }
        #expect(interrupted > 0)
        let backup = ["backup", "--to", place, "--data", data, "--json"]
        let first: ShownBackup = try decoded(run(backup))
        #expect(first.objects >= 82 && first.missing.isEmpty)
        // Of another machine it is not known whether it lives: one that was killed is waited for.
        try Files.copyRealPhotos(20..<24, to: photos)
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        let second: ShownBackup = try decoded(run(backup))
        #expect(second.copied == second.objects - first.objects && second.copied >= 4)
        #expect(try list(place).map(\.objects) == [second.objects])
        let proof = try run(["prove", "--from", place, "--data", data, "--all"])
        #expect(proof.status == 0 && proof.output.contains("restores"), "\(proof.errors)")
        #expect(try list(place).last?.provenAt != nil)
        let work = Files.names(in: data).filter { $0.hasPrefix("backing-up") }
        #expect(work.count == 1 && Files.names(in: data + "/" + (work.first ?? "")).count <= 1)

        house.killServer()
        #expect(try shell("rm -rf '\(data)'") == 0)
        let restored: ShownRestore = try decoded(
            run(["restore", "--from", place, "--data", data, "--json"]))
        #expect(restored.copied == second.objects && restored.missing.isEmpty)
        #expect(restored.epoch == second.epoch + 1)
        try house.startServer()
        let expected = Set(try Files.digests(in: photos).keys)
        try house.signIn("laptop")
        try house.expectSynced("laptop")
        try house.expectLibrary("laptop", holds: expected)

        // And into PostgreSQL and a bucket.
        house.killServer()
        let (grown, blobs) = (house.folder.file("grown"), store.place(house.folder.name + "/grown"))
        let database = try TestDatabase.postgresAddress(house.folder.file("grown.database"))
        let up: ShownRestore = try decoded(
            run(
                [
                    "restore", "--from", place, "--data", grown, "--blobs", blobs, "--json",
                    "--database", database,
                ]))
        #expect(up.copied == second.objects && up.missing.isEmpty)
        house.useServer(at: grown, database: database, blobs: blobs)
        try house.startServer()
        try house.signIn("tablet")
        try house.expectSynced("tablet")
        try house.expectLibrary("tablet", holds: expected)
    }

    @Test(.timeLimit(.minutes(4)))
    func `the server backs itself up into a bucket, and a damaged object there is found`() throws {
        let house = try Household()
        let prefix = "\(house.folder.name)/nightly"
        let place = store.place(prefix)
        let data = house.folder.file("data")
        try Files.copyRealPhotos(0..<5, to: house.folder.file("photos"))
        try house.signIn("camera", optimize: true)
        try house.martlet("camera", "photos", "source", "add", house.folder.file("photos"))
        #expect(try house.martlet("camera", "sync", "--once").status == 0)
        house.killServer()
        let scheduled = try run(["backup", "schedule", "--to", place, "--data", data])
        #expect(scheduled.status == 0 && scheduled.output.contains(place), "\(scheduled.errors)")
        // Started without the key: it says so.
        try house.startServer()
        #expect(
            soon {
                (try? house.get("/api/v1/system-status")).map {
                    String(decoding: $0, as: UTF8.self).contains("\"failingSince\"")
                } ?? false
            })
        let doctor = try house.onServer("doctor", "--server")
        #expect(doctor.output.contains("AWS_ACCESS_KEY_ID"), "\(doctor.output)")
        house.killServer()
        #expect(
            try run(["backup", "schedule", "--to", place, "--data", data]).status == 0)
        try house.startServer(with: store.environment)
        #expect(soon { isProven(place) })
        let made = try #require(try list(place).last)
        #expect(made.objects >= 5)
        let digest = try #require(
            try Files.digests(in: house.folder.file("photos")).keys.sorted().first)
        let size = 1_000
        try store.put(
            [UInt8](repeating: 1, count: size),
            at: "\(prefix)/objects/\(digest.text.prefix(2))/\(digest.text)")
        let bad = try run(["prove", "--from", place, "--data", data, "--all"])
        #expect(bad.status == 3 && bad.output.contains("1 item of"), "\(bad.output)\(bad.errors)")
        #expect(try list(place).last?.provenAt == nil)
        // The next backup sends it again.
        let again: ShownBackup = try decoded(
            run(["backup", "--to", place, "--data", data, "--json"]))
        #expect(again.copied >= 1 && again.missing.isEmpty)
        #expect(try run(["prove", "--from", place, "--data", data, "--all"]).status == 0)
    }
}
