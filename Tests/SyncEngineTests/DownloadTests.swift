import Library
import Records
import Status
import SyncEngine
import Testing

@Suite struct DownloadTests {
    private func server(_ pictures: [(path: String, text: String)]) throws -> FakeServer {
        let server = FakeServer()
        let device = FakeDevice(server, number: 9, optimizes: true)
        for picture in pictures {
            device.write(picture.text, to: FakeDevice.source(picture.path))
        }
        try device.sync()
        return server
    }

    @Test func `equal names get numbers, whatever their case`() throws {
        let server = try server([
            ("a/IMG.JPG", "one"), ("b/IMG.JPG", "two"), ("c/img.jpg", "three"),
        ])
        let device = FakeDevice(server)
        #expect(try device.sync() == .inSync)
        #expect(Set(device.libraryTexts.values) == ["one", "two", "three"])
        let keys = device.libraryTexts.keys.map { $0.lowercased() }
        #expect(
            Set(keys)
                == ["2023/11/img.jpg", "2023/11/img (2).jpg", "2023/11/img (3).jpg"])
    }

    @Test func `a file that took the name a moment ago keeps it`() throws {
        let server = try server([("IMG.JPG", "remote")])
        let device = FakeDevice(server)
        let place = FakeDevice.library("2023/11/IMG.JPG")
        device.failDisk = { operation in
            if case .moveIntoPlace = operation, device.files[place] == nil {
                device.write("mine", to: place)
            }
            return nil
        }
        #expect(try device.sync() == .inSync)
        #expect(
            device.libraryTexts
                == ["2023/11/IMG.JPG": "mine", "2023/11/IMG (2).JPG": "remote"])
        #expect(server.assets.count == 2)
    }

    @Test func `order on disk is folders, one sync, names, folders' sync`() throws {
        let device = FakeDevice(try server([("A.JPG", "one"), ("B.JPG", "two")]))
        try device.sync()
        let own = ["syncRows", "writeMark"]
        let steps = device.log.map { String($0.prefix { $0 != "(" }) }.filter { !own.contains($0) }
        #expect(
            steps == [
                // The library that was found, before anything in it is believed; then the originals.
                "listTemporaries", "syncLibrary",
                "setTime", "setTime", "createFolder", "syncLibrary", "moveIntoPlace",
                "moveIntoPlace", "syncFolder",
            ])
    }

    @Test func `bytes that are not what was asked for are fetched again from zero`() throws {
        let server = try server([("A.JPG", "one")])
        let device = FakeDevice(server)
        let digest = Digest(of: Array("one".utf8))
        server.blobs[digest] = Array("wrong".utf8)
        var tries = 0
        device.refuse = { request in
            guard case .download = request else { return nil }
            tries += 1
            if tries == 3 { server.blobs[digest] = Array("one".utf8) }
            return nil
        }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.values.sorted() == ["one"])
        #expect(device.log.filter { $0.hasPrefix("removeTemporary") }.count == 2)
    }

    @Test func `what the server lost is said, and the others come`() throws {
        let server = try server([("A.JPG", "one"), ("B.JPG", "two")])
        server.blobs[Digest(of: Array("one".utf8))] = nil
        let device = FakeDevice(server)
        #expect(try device.sync() == .incomplete)
        #expect(device.libraryTexts.values.sorted() == ["two"])
        let status = try device.status()
        #expect(status.reasons.map(\.code) == [.lostOnServer])
        #expect(status.reasons[0].message == "The server lost its copy of A.JPG.")
        #expect(status.counts.failed == 1 && status.counts.inSync == 1)
    }

    @Test(arguments: [DiskError.noSpace, .readOnly])
    func `a disk that can't be written stops downloads until it can`(error: DiskError) throws {
        let server = try server([("A.JPG", "one")])
        let device = FakeDevice(server, once: false)
        device.write("two", to: FakeDevice.source("B.JPG"))
        var isFull = true
        device.failDisk = { operation in
            guard isFull else { return nil }
            switch operation {
            case .setTime, .copy: return error
            default: return nil
            }
        }
        device.restart()
        try device.run(milliseconds: 20_000)
        #expect(server.assets.count == 2)
        #expect(device.libraryTexts.isEmpty)
        let code: ReasonCode = error == .noSpace ? .deviceFull : .readOnlyVolume
        #expect(try device.status().reasons.map(\.code) == [code])
        #expect(try device.status().state == .paused)
        isFull = false
        try device.run(milliseconds: 60_000)
        #expect(device.libraryTexts.values.sorted() == ["one", "two"])
        #expect(try device.status().reasons.isEmpty)
    }

    @Test func `without its mark the library is neither read nor written, sources go on`() throws {
        let server = try server([("A.JPG", "one")])
        let device = FakeDevice(server)
        device.write("two", to: FakeDevice.source("B.JPG"))
        device.write("three", to: FakeDevice.library("C.JPG"))
        device.mark = nil
        #expect(try device.sync() == .incomplete)
        #expect(server.assets.count == 2)
        #expect(device.libraryTexts.values.sorted() == ["three"])
        let status = try device.status()
        #expect(status.state == .paused)
        #expect(status.reasons.map(\.code) == [.volumeMissing])
        #expect(
            status.reasons[0].message
                == "The library is not at /library: its mark is not there.")
    }

    @Test func `a library whose mark names another device is left alone`() throws {
        let device = FakeDevice(try server([("A.JPG", "one")]))
        device.mark = LibraryMark(
            library: device.rows.settings.library, device: DeviceID(high: 3, low: 3),
            generation: 1)
        #expect(try device.sync() == .incomplete)
        #expect(device.libraryTexts.isEmpty)
        #expect(try device.status().reasons.map(\.code) == [.libraryInUseElsewhere])
    }

    @Test func `a mark that returns brings everything`() throws {
        let device = FakeDevice(try server([("A.JPG", "one")]), once: false)
        let mark = device.mark
        device.mark = nil
        device.restart()
        try device.run(milliseconds: 60_000)
        #expect(device.libraryTexts.isEmpty)
        device.mark = mark
        try device.run(milliseconds: 40_000)
        #expect(device.libraryTexts.values.sorted() == ["one"])
        #expect(try device.status().state == .upToDate)
    }

    @Test func `after a failed sync bytes are written anew, also those that were ready`() throws {
        let device = FakeDevice(try server([("A.JPG", "one"), ("B.JPG", "two")]))
        var failures = 0
        device.failDisk = { operation in
            guard case .syncLibrary = operation, !device.temporaries.isEmpty, failures < 2 else {
                return nil
            }
            failures += 1
            return .inputOutput(errno: 5)
        }
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.values.sorted() == ["one", "two"])
        #expect(device.requests.filter { $0 == "download" }.count == 6)
        #expect(device.log.filter { $0.hasPrefix("removeTemporary") }.count == 4)
        #expect(device.temporaries.isEmpty)
    }

    @Test func `a folder whose sync failed is synced again`() throws {
        let device = FakeDevice(try server([("A.JPG", "one")]))
        var failures = 0
        device.failDisk = { operation in
            guard case .syncFolder = operation, failures < 2 else { return nil }
            failures += 1
            return .inputOutput(errno: 5)
        }
        #expect(try device.sync() == .inSync)
        #expect(device.log.filter { $0.hasPrefix("syncFolder") }.count == 3)
    }

    @Test func `a file has no row before its name is durable, however often that fails`() throws {
        let device = FakeDevice(try server([("A.JPG", "one")]), once: false)
        let place = FakeDevice.library("2023/11/A.JPG")
        var isFailing = true
        device.failDisk = { operation in
            if case .syncFolder = operation, isFailing { .inputOutput(errno: 5) } else { nil }
        }
        device.restart()
        try device.run(milliseconds: 5_000)
        #expect(device.files[place] != nil && device.rows.localFile(at: place) == nil)
        device.tell(.placeChanged(place))
        device.tell(.command(.compareAll))
        try device.run(milliseconds: 5_000)
        #expect(device.rows.localFile(at: place) == nil)
        isFailing = false
        try device.run(milliseconds: 100_000)
        #expect(device.rows.localFile(at: place)?.agreed != nil)
        #expect(device.libraryTexts == ["2023/11/A.JPG": "one"])
        #expect(device.requests.filter { $0 == "download" }.count == 1)
        #expect(try device.status().state == .upToDate)
    }

    @Test func `leftovers that nothing will go on with are removed`() throws {
        let device = FakeDevice(FakeServer())
        device.temporaries = [
            TemporaryName("rubbish"): [1], TemporaryName(String(repeating: "a", count: 64)): [2],
        ]
        #expect(try device.sync() == .inSync)
        #expect(device.temporaries.isEmpty)
    }

    @Test func `a leftover of what the library has after all is removed`() throws {
        let server = try server([("A.JPG", "one")])
        let device = FakeDevice(server)
        let digest = Digest(of: Array("one".utf8))
        try device.sync()
        device.rows.removeLocalFile(at: FakeDevice.library("2023/11/A.JPG"))
        device.temporaries[TemporaryName(digest.text)] = [1]
        #expect(try device.sync() == .inSync)
        #expect(device.temporaries.isEmpty)
        #expect(device.libraryTexts.count == 1)
    }

    /// It knows of the pictures, and their files are to be fetched again.
    private func deviceWithoutFiles(_ server: FakeServer) throws -> FakeDevice {
        let device = FakeDevice(server)
        try device.sync()
        for place in device.files.keys where place.root.isLibrary {
            device.rows.removeLocalFile(at: place)
            device.files[place] = nil
        }
        return device
    }

    @Test func `a leftover is never written into, but its copy`() throws {
        let server = try server([("A.JPG", "one"), ("B.JPG", "two")])
        let device = try deviceWithoutFiles(server)
        let names = ["one", "two"].map { TemporaryName(Digest(of: Array($0.utf8)).text) }
        device.temporaries[names[0]] = [1]
        var renewed: [TemporaryName: Bool] = [:]
        device.refuse = { request in
            if case .download(_, _, let name) = request {
                renewed[name] = device.renewed.contains(name)
            }
            return nil
        }
        #expect(try device.sync() == .inSync)
        #expect(renewed == [names[0]: true, names[1]: false])
        #expect(device.libraryTexts.count == 2)
    }

    @Test func `a leftover that cannot be copied is dropped, and fetched anew`() throws {
        let server = try server([("A.JPG", "one")])
        let device = try deviceWithoutFiles(server)
        let name = TemporaryName(Digest(of: Array("one".utf8)).text)
        device.temporaries[name] = [1]
        device.failDisk = { if case .renew = $0 { .inputOutput(errno: 5) } else { nil } }
        var wasRemoved = false
        device.refuse = { request in
            if case .download = request { wasRemoved = device.temporaries[name] == nil }
            return nil
        }
        #expect(try device.sync() == .inSync)
        #expect(wasRemoved)
        #expect(device.libraryTexts.count == 1)
    }

    @Test func `more than one batch crosses`() throws {
        let count = Limits.placementsPerBatchMax * 2 + 1
        let server = try server((0..<count).map { ("\($0).JPG", "text \($0)") })
        let device = FakeDevice(server)
        #expect(try device.sync() == .inSync)
        #expect(device.libraryTexts.count == count)
        #expect(try device.sync() == .inSync)
        #expect(device.requests == ["changes", "reportState"])
    }
}
