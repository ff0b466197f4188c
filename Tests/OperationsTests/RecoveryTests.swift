import Foundation
import Library
import Operations
import Records
import Storage
import TestSupport
import Testing

/// What the manifest gives back, when there is no database any more.
@Suite struct RecoveryTests {
    private static let jpeg: [UInt8] = [0xFF, 0xD8, 0xFF, 0xE0]

    private func content(_ number: UInt8) -> [UInt8] { Self.jpeg + [number, 1, 2, 3] }

    @Test func `names, months and times come back, clashes get numbers, the trash stays away`()
        async throws
    {
        let world = try await RecoveryWorld()
        let anna = try await world.account("anna")
        let bert = try await world.account("bert")
        let time = Timestamp(milliseconds: 1_500_000_000_123)
        try await world.add(
            Array("IMG_1.HEIC".utf8), content(1), to: anna, takenAt: "2019-03-31T23:30:00",
            modifiedAt: time,
            parts: [
                (.pairedVideo, content(2), "video/quicktime"),
                (.sidecar, Array("<x/>".utf8), "application/rdf+xml"),
            ])
        try await world.add(
            Array("IMG_1.HEIC".utf8), content(3), to: anna, takenAt: "2019-03-01T00:00:00")
        try await world.add(Array("gone.jpg".utf8), content(4), to: anna, isTrashed: true)
        // The same bytes of another account, and a name that isn't UTF-8.
        try await world.add([0x62, 0xFF, 0x2E, 0x6A, 0x70, 0x67], content(1), to: bert)
        let header = try await world.writer().write()
        #expect(header.accounts == 2 && header.files == 5 && header.unreadable == 0)
        #expect(try world.text().split(separator: "\n").count == 1 + 5 + 2 + 1)
        #expect(try world.text().split(separator: "\n").first?.utf8.count == 511)

        try world.database.close()
        let report = try world.recover()
        #expect(report.names == .whole && report.madeAt == RecoveryWorld.start)
        #expect(report.copiedCount == 5 && report.missing.isEmpty && report.damaged.isEmpty)
        let names = try shellNames(world.out)
        #expect(
            Set(names) == [
                Array("anna/2019/03/IMG_1.HEIC".utf8), Array("anna/2019/03/IMG_1 (2).HEIC".utf8),
                Array("anna/2019/03/IMG_1.MOV".utf8), Array("anna/2019/03/IMG_1.HEIC.xmp".utf8),
                Array("bert/2026/09/b".utf8) + [0xFF] + Array(".jpg".utf8),
            ])
        let files = try world.recovered()
        let first = files["anna/2019/03/IMG_1.HEIC"]
        let second = files["anna/2019/03/IMG_1 (2).HEIC"]
        #expect(Set([first, second]) == [content(1), content(3)])
        let dated = first == content(1) ? "IMG_1.HEIC" : "IMG_1 (2).HEIC"
        let attributes = try FileManager.default.attributesOfItem(
            atPath: world.out + "/anna/2019/03/" + dated)
        let seconds = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
        #expect(abs(seconds - 1_500_000_000.123) < 0.01)

        // The same again has nothing to do, and what was changed meanwhile is not touched.
        try world.write([1], to: world.out + "/anna/2019/03/IMG_1.MOV")
        let again = try world.recover()
        #expect(again.copiedCount == 1 && again.thereCount == 4)
        let after = try world.recovered()
        #expect(after["anna/2019/03/IMG_1.MOV"] == [1])
        #expect(after["anna/2019/03/IMG_1 (2).MOV"] == content(2))
        #expect(!FileManager.default.fileExists(atPath: world.out + "/.martlet-recovering"))
    }

    /// Foundation's own listing leaves out names that are not UTF-8.
    private func shellNames(_ folder: String) throws -> [[UInt8]] {
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", "cd \"$1\" && find . -type f -print0", "sh", folder]
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return output.split(separator: 0).map { Array($0.dropFirst(2)) }
    }

    @Test func `of one account only its files come, and an unknown one is told the others`()
        async throws
    {
        let world = try await RecoveryWorld()
        try await world.add(Array("a.jpg".utf8), content(1), to: try await world.account("anna"))
        try await world.add(Array("b.jpg".utf8), content(2), to: try await world.account("bert"))
        _ = try await world.account("carl")
        try await world.writer().write()
        let error = #expect(throws: RecoveryError.self) { try world.recover(account: "dora") }
        #expect(error?.code == .accountNotFound)
        #expect(error?.message.contains("anna, bert, carl") == true)
        #expect(try world.recover(account: "carl").copiedCount == 0)
        #expect(try world.recover(account: "bert").copiedCount == 1)
        #expect(Array(try world.recovered().keys) == ["bert/2026/09/b.jpg"])
    }

    @Test func `missing and damaged objects are named, and found where they lie elsewhere`()
        async throws
    {
        let world = try await RecoveryWorld()
        let anna = try await world.account("anna")
        let keys = try await [1, 2, 3, 4].asyncMap { number in
            try await world.add(
                Array("\(number).jpg".utf8), self.content(number), to: anna)
        }
        try await world.writer().write()
        let paths = keys.map { world.objects + "/" + $0.text }
        try FileManager.default.removeItem(atPath: paths[0])
        try world.write(content(99), to: paths[1])
        // Its bytes were sent again, and lie under another key.
        try FileManager.default.moveItem(
            atPath: paths[2], toPath: paths[2].dropLast() + (paths[2].hasSuffix("0") ? "1" : "0"))
        let report = try world.recover()
        #expect(report.missing == ["anna/2026/09/1.jpg"])
        #expect(report.damaged == ["anna/2026/09/2.jpg (\(paths[1]))"])
        #expect(report.copiedCount == 2)
        #expect(
            try world.recovered() == [
                "anna/2026/09/3.jpg": content(3), "anna/2026/09/4.jpg": content(4),
            ])
    }

    @Test func `without a manifest every object comes, with the ending of its content`()
        async throws
    {
        let world = try await RecoveryWorld()
        let anna = try await world.account("anna")
        try await world.add(Array("a.jpg".utf8), content(1), to: anna)
        try await world.add(Array("b.bin".utf8), [1, 2, 3], to: anna)
        let error = #expect(throws: RecoveryError.self) { try world.recover(account: "anna") }
        #expect(error?.code == .manifestMissing)
        let report = try world.recover()
        #expect(report.names == .absent && report.unnamedCount == 2 && report.copiedCount == 2)
        let (first, second) = (Digest(of: content(1)).text, Digest(of: [1, 2, 3] as [UInt8]).text)
        #expect(
            try world.recovered() == [
                "by-digest/\(first.prefix(2))/\(first).jpg": content(1),
                "by-digest/\(second.prefix(2))/\(second)": [1, 2, 3],
            ])
        let again = try world.recover()
        #expect(again.copiedCount == 0 && again.thereCount == 2)
    }

    @Test func `what is cut off or flipped in a manifest is seen, and its other names count`()
        async throws
    {
        let world = try await RecoveryWorld()
        let anna = try await world.account("anna")
        for number in 1...5 as ClosedRange<UInt8> {
            try await world.add(Array("\(number).jpg".utf8), content(number), to: anna)
        }
        try await world.writer().write()
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: world.manifest)))
        #expect(try world.recover().names == .whole)
        for cut in [0, 100, 512, 700, whole.count - 200, whole.count - 1] {
            try world.write(Array(whole.prefix(cut)), to: world.manifest)
            try? FileManager.default.removeItem(atPath: world.out)
            let report = try world.recover()
            guard case .damaged = report.names else {
                Issue.record("cut at \(cut): \(report.names)")
                continue
            }
            #expect(report.copiedCount == 5, "cut at \(cut)")
            let bytes = try world.recovered().values
            #expect(Set(bytes) == Set((1...5).map(content)), "cut at \(cut)")
        }
        for place in stride(from: 3, to: whole.count, by: 97) {
            var bytes = whole
            bytes[place] ^= 1
            try world.write(bytes, to: world.manifest)
            try? FileManager.default.removeItem(atPath: world.out)
            let report = try world.recover()
            #expect(report.names != .whole, "flipped at \(place)")
            #expect(Set(try world.recovered().values) == Set((1...5).map(content)))
        }
        try world.write(whole + whole, to: world.manifest)
        #expect(try world.recover().names != .whole)
    }

    @Test func `a line that leads out of the folder is none`() async throws {
        let world = try await RecoveryWorld()
        let anna = try await world.account("anna")
        let key = try await world.add(Array("a.jpg".utf8), content(1), to: anna)
        try await world.writer().write()
        let text = try world.text()
        for (old, new) in [
            ("2026/09/a.jpg", "../../../a.jpg"), ("2026/09/a.jpg", "2026/09"),
            (key.text, "../../../" + key.text), (key.text, "/etc/passwd"),
        ] {
            let changed = text.replacingOccurrences(of: old, with: new)
            #expect(changed != text)
            try Data(changed.utf8).write(to: URL(fileURLWithPath: world.manifest))
            try? FileManager.default.removeItem(atPath: world.out)
            let report = try world.recover()
            #expect(report.unnamedCount == 1 && report.copiedCount == 1)
        }
        // An account's name is one folder, whatever it is.
        let up = text.replacingOccurrences(of: "\"account\":\"anna\"", with: "\"account\":\"..\"")
        try Data(up.utf8).write(to: URL(fileURLWithPath: world.manifest))
        try? FileManager.default.removeItem(atPath: world.out)
        #expect(try world.recover().copiedCount == 1)
        #expect(try world.recovered().count == 1)
    }

    @Test func `folders within each other, a bucket, and no server at all are refused`()
        async throws
    {
        let world = try await RecoveryWorld()
        let source = Recovery.Source(
            folder: world.folder.file("data"), manifest: world.manifest, objects: world.objects)
        for out in [world.folder.file("data/out"), world.folder.path, source.folder] {
            let error = #expect(throws: RecoveryError.self) {
                try Recovery(from: source, to: out, account: nil).prepare()
            }
            #expect(error?.code == .invalidFolder)
        }
        let nowhere = world.folder.file("nowhere")
        let none = Recovery.Source(
            folder: nowhere, manifest: nowhere + "/manifest.jsonl",
            objects: nowhere + "/blobs/objects")
        let absent = #expect(throws: RecoveryError.self) {
            try Recovery(from: none, to: world.out, account: nil).prepare()
        }
        #expect(absent?.code == .noServerThere)
        try await world.writer(blobs: .bucket).write()
        let bucket = #expect(throws: RecoveryError.self) { try world.recover() }
        #expect(bucket?.code == .blobsInBucket)
        #expect(!FileManager.default.fileExists(atPath: world.out))
    }
}

extension [UInt8] {
    fileprivate func asyncMap<R>(_ body: (UInt8) async throws -> R) async throws -> [R] {
        var results: [R] = []
        for element in self { results.append(try await body(element)) }
        return results
    }
}
