import Kernel
import Library
import Photos
import Records
import Testing

@Suite struct TimelineTests {
    @Test func `pictures stand in the month of their own clock, in the order of their moments`()
        async throws
    {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let pictures: [(String, String, Int?)] = [
            ("Kiritimati", "2019-06-01T00:30:00", 840),  // 10:30 UTC on 31 May
            ("Honolulu", "2019-05-31T23:00:00", -600),  // 9:00 UTC on 1 June
            ("London", "2019-06-01T00:10:00", 60),  // 23:10 UTC on 31 May
            ("unknown", "2019-05-31T22:00:00", nil),
            ("fraction", "2019-06-01T00:10:00.250", 60),
        ]
        for (name, text, offset) in pictures {
            try await world.addPicture(
                name, Array(name.utf8), to: zone, takenAt: try localTime(text, offset))
        }
        #expect(try await world.months(account) == ["2019-06": 3, "2019-05": 2])
        #expect(
            try await world.names(2019, 6, account) == ["fraction", "London", "Kiritimati"])
        #expect(try await world.names(2019, 5, account) == ["Honolulu", "unknown"])
        let shown = try await world.service.pictures(
            of: PhotoMonth(year: 2019, month: 5), offset: 0, limit: 9, in: nil, for: account)
        #expect(shown.map(\.shown.rfc3339) == ["2019-05-31T23:00:00-10:00", "2019-05-31T22:00:00"])
    }

    @Test
    func `the date shown is the corrected, else the facts', else the file's, else the import's`()
        async throws
    {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        try await world.addPicture("import", [1], to: zone)
        try await world.addPicture(
            "file", [2], to: zone, fields: ["fileModifiedAt": .integer(951_782_400_000)])
        try await world.addPicture(
            "facts", [3], to: zone, takenAt: try localTime("2003-04-05T06:07:08"),
            fields: ["fileModifiedAt": .integer(0)])
        try await world.addPicture(
            "corrected", [4], to: zone, takenAt: try localTime("2003-04-05T06:07:08"),
            fields: ["takenAtCorrected": try localTime("1999-12-31T23:59:59").json])
        #expect(
            try await world.months(account)
                == ["2023-11": 1, "2000-02": 1, "2003-04": 1, "1999-12": 1])
    }

    @Test func `pages of a month join without a gap`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        for index in 0..<25 {
            // Many of the same moment: the id decides.
            try await world.addPicture(
                "\(index)", Array("\(index)".utf8), to: zone,
                takenAt: try localTime("2019-05-01T00:00:0\(index % 3)"))
        }
        let month = PhotoMonth(year: 2019, month: 5)
        let all = try await world.service.pictures(
            of: month, offset: 0, limit: 100, in: nil, for: account)
        var joined: [RecordID] = []
        for offset in stride(from: 0, to: 30, by: 7) {
            joined += try await world.service.pictures(
                of: month, offset: offset, limit: 7, in: nil, for: account
            ).map(\.id)
        }
        #expect(all.count == 25)
        #expect(joined == all.map(\.id))
    }

    @Test func `a page has at most its limit`() async throws {
        let world = try await PhotoWorld()
        let (account, zone) = try await world.account("me")
        let changes = try await (0...Limits.timelinePageCountMax).asyncMap { index in
            let blob = try await world.store(Array("\(index)".utf8), for: account)
            let id = AssetIdentity.id(of: blob.digest, idKey: zone.idKey)
            var change = RecordChange(key: RecordKey(type: .asset, id: id))
            change.set = ["name": .string("\(index)"), "importedAt": .integer(0)]
            change.setBlobs = [BlobRole.original.rawValue: blob]
            return change
        }
        try await world.commit(Array(changes.prefix(Limits.recordsPerCommitMax)), to: zone)
        try await world.commit(Array(changes.dropFirst(Limits.recordsPerCommitMax)), to: zone)
        let page = try await world.service.pictures(
            of: PhotoMonth(year: 1970, month: 1), offset: 0, limit: .max, in: nil, for: account)
        #expect(page.count == Limits.timelinePageCountMax)
    }

    @Test func `another account's library, picture and bytes give nothing`() async throws {
        let world = try await PhotoWorld()
        let mine = try await world.account("me")
        let other = try await world.account("other")
        let id = try await world.addPicture("a.jpg", [1], to: mine.zone)
        try await world.worker(MadeUpReader()).drain()

        #expect(try await world.months(other.account) == [:])
        let service = world.service
        await #expect(throws: PhotosError.self) {
            try await service.months(in: mine.zone.id, for: other.account)
        }
        await #expect(throws: PhotosError.self) {
            try await service.pictures(
                of: PhotoMonth(year: 2023, month: 11), offset: 0, limit: 1, in: mine.zone.id,
                for: other.account)
        }
        for zone in [nil, mine.zone.id, other.zone.id] {
            await #expect(throws: PhotosError.self) {
                try await service.picture(id, in: zone, for: other.account)
            }
            await #expect(throws: PhotosError.self) {
                try await service.original(of: id, in: zone, for: other.account)
            }
            await #expect(throws: PhotosError.self) {
                try await service.rendition(.thumbnail, of: id, in: zone, for: other.account)
            }
        }
    }

    @Test(
        arguments: [
            ("2019-05", 201_905), ("0001-01", 101), ("9999-12", 999_912), ("2019-13", nil),
            ("2019-5", nil), ("2019-00", nil), ("-019-05", nil), ("2019-05-01", nil), ("", nil),
        ] as [(String, Int?)])
    func `a month is read from its text, or refused`(text: String, number: Int?) {
        #expect(PhotoMonth(parsing: text)?.number == number)
        if number != nil { #expect(PhotoMonth(parsing: text)?.text == text) }
    }
}

extension PhotoWorld {
    func names(_ year: Int, _ month: Int, _ account: AccountID) async throws -> [String] {
        try await service.pictures(
            of: PhotoMonth(year: year, month: month), offset: 0, limit: 100, in: nil, for: account
        ).map(\.name)
    }
}

extension Sequence {
    func asyncMap<R>(_ transform: (Element) async throws -> R) async rethrows -> [R] {
        var results: [R] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
