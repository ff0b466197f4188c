import Library
import Records
import Status
import SyncEngine
import Testing

/// What a disk can hold that is no good picture: none of it holds up the others (P7).
@Suite struct BadFileTests {
    private func device() -> (FakeServer, FakeDevice) {
        let server = FakeServer()
        let device = FakeDevice(server, optimizes: true)
        device.write("good", to: FakeDevice.source("GOOD.JPG"))
        return (server, device)
    }

    private func row(_ device: FakeDevice, _ name: String) -> LocalFile.State? {
        device.rows.localFile(at: FakeDevice.source(name))?.state
    }

    @Test func `a file that can't be read is named, and the others cross`() throws {
        let (server, device) = device()
        device.write("bad", to: FakeDevice.source("BAD.JPG"))
        device.readResult = { place in
            place.path.text == "BAD.JPG" ? .failed(.inputOutput(errno: 5)) : nil
        }
        #expect(try device.sync() == .incomplete)
        #expect(server.assets.count == 1)
        let status = try device.status()
        #expect(status.state == .attention && status.counts.failed == 1)
        #expect(status.counts.items == 2 && status.counts.inSync == 1)
        let reason = try #require(status.reasons.first)
        #expect(reason.code == .unreadableFile)
        #expect(reason.message == "/source/BAD.JPG cannot be read: the disk reports error 5.")
        device.readResult = { _ in nil }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 2)
    }

    @Test func `a file that vanishes while it is read is forgotten`() throws {
        let (server, device) = device()
        device.write("gone", to: FakeDevice.source("GONE.JPG"))
        device.readResult = { $0.path.text == "GONE.JPG" ? .failed(.notFound) : nil }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(row(device, "GONE.JPG") == nil)
    }

    @Test func `a file that vanishes before it is sent is forgotten`() throws {
        let (server, device) = device()
        device.write("gone", to: FakeDevice.source("GONE.JPG"))
        device.refuse = { request in
            if request.carries("GONE.JPG") {
                device.files[FakeDevice.source("GONE.JPG")] = nil
            }
            return nil
        }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
    }

    @Test func `a file that changes while it is sent is sent as it is then`() throws {
        let (server, device) = device()
        device.write("before", to: FakeDevice.source("NEW.JPG"))
        var changed = false
        device.refuse = { request in
            if request.carries("NEW.JPG"), !changed {
                changed = true
                device.write("after", to: FakeDevice.source("NEW.JPG"))
            }
            return nil
        }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 2)
        #expect(server.blobs[Digest(of: Array("after".utf8))] != nil)
        #expect(server.blobs[Digest(of: Array("before".utf8))] == nil)
    }

    @Test func `what is no picture stays here, and says why`() throws {
        let (server, device) = device()
        device.write("text", to: FakeDevice.source("notes.txt"))
        device.write("", to: FakeDevice.source("EMPTY.JPG"))
        device.write("hidden", to: FakeDevice.source(".hidden.JPG"))
        device.links[FakeDevice.source("link.JPG")] = .symbolicLink
        device.links[FakeDevice.source("pipe.JPG")] = .other
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 1)
        #expect(row(device, "notes.txt") == .notIncluded(code: "notAPhoto"))
        #expect(row(device, "EMPTY.JPG") == .notIncluded(code: "emptyFile"))
        for name in [".hidden.JPG", "link.JPG", "pipe.JPG"] {
            #expect(row(device, name) == .notIncluded(code: "notIncluded"))
        }
        #expect(try device.status().counts.items == 1)
    }

    @Test func `an empty file is imported when it has content`() throws {
        let (server, device) = device()
        device.write("", to: FakeDevice.source("LATER.JPG"))
        try device.sync()
        device.write("content", to: FakeDevice.source("LATER.JPG"))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 2)
    }

    @Test func `a file written a moment ago is left alone for two seconds`() throws {
        let (server, device) = device()
        let start = device.now.uptime
        device.write("new", to: FakeDevice.source("NEW.JPG"), ageSeconds: 0)
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 2)
        #expect(device.now.uptime - start >= 2_000)
        #expect(device.now.uptime - start < 5_000)
    }

    @Test func `a file that never rests is said to be changing`() throws {
        let (server, device) = device()
        device.write("busy", to: FakeDevice.source("BUSY.JPG"))
        device.readResult = { $0.path.text == "BUSY.JPG" ? .stillChanging : nil }
        #expect(try device.sync() == .incomplete)
        #expect(server.assets.count == 1)
        let status = try device.status()
        #expect(status.reasons.map(\.code) == [.stillChanging])
        #expect(status.reasons[0].message == "BUSY.JPG is being written.")
    }

    @Test func `names that aren't UTF-8 cross and keep their bytes`() throws {
        let (server, device) = device()
        let name: [UInt8] = [0x49, 0xFF, 0x2E, 0x4A, 0x50, 0x47]
        device.write("odd", to: Place(root: RootID(rawValue: 1), path: RelativePath(bytes: name)))
        #expect(try device.sync() == .inSync)
        let other = FakeDevice(server, number: 2)
        #expect(try other.sync() == .inSync)
        let names = other.files.keys.map(\.path.name)
        #expect(names.contains(name))
        let asset = server.assets.first { $0.fields?["name"]?.string == "I\u{FFFD}.JPG" }
        #expect(asset?.fields?["nameBytes"]?.string == "49ff2e4a5047")
    }

    @Test func `a folder that can't be read keeps its rows`() throws {
        let (server, device) = device()
        try device.sync()
        device.missingRoots = [RootID(rawValue: 1)]
        #expect(try device.sync() == .incomplete)
        #expect(row(device, "GOOD.JPG") != nil)
        #expect(server.assets.count == 1)
        let reason = try #require(device.status().reasons.first)
        #expect(reason.message == "/source cannot be read: it is not there.")
    }

    @Test func `a vanished file loses its row and nothing else`() throws {
        let (server, device) = device()
        device.write("two", to: FakeDevice.source("a/b/TWO.JPG"))
        try device.sync()
        device.files[FakeDevice.source("GOOD.JPG")] = nil
        device.files[FakeDevice.source("a/b/TWO.JPG")] = nil
        device.folders.remove(Folder(root: RootID(rawValue: 1), path: RelativePath("a/b")))
        device.folders.remove(Folder(root: RootID(rawValue: 1), path: RelativePath("a")))
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 2)
        #expect(device.rows.allFiles.isEmpty)
        #expect(try device.status().counts.onlyInCloud == 2)
    }

    @Test func `bytes that changed under the same stamp are read again`() throws {
        let (server, device) = device()
        device.write("first", to: FakeDevice.source("SLY.JPG"))
        var changed = false
        device.refuse = { request in
            if request.carries("SLY.JPG"), !changed {
                changed = true
                device.files[FakeDevice.source("SLY.JPG")]?.bytes = Array("other".utf8)
            }
            return nil
        }
        #expect(try device.sync() == .inSync)
        #expect(server.assets.count == 2)
        #expect(server.blobs[Digest(of: Array("other".utf8))] != nil)
    }
}
