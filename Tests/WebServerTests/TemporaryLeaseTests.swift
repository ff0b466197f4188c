import Foundation
import Records
import Storage
import TestSupport
import Testing
import WebServer

/// What a killed server left in a folder that others use goes, and nothing of a living one.
@Suite struct TemporaryLeaseTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func make(_ name: String, lease: Bool, secondsOld: Int) throws {
        let path = folder.file(name)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: path + "/picture"))
        if lease { try Data("y".utf8).write(to: URL(fileURLWithPath: path + "/lease")) }
        let date = Date(timeIntervalSinceNow: -Double(secondsOld))
        for path in [path] + (lease ? [path + "/lease"] : []) {
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path)
        }
    }

    @Test func `a folder goes when its lease is a day old and its process has ended`() throws {
        let data = DataFolder(path: folder.path, isShared: true)
        try data.prepare()
        let lease = try TemporaryLease(data)
        let day = Limits.temporaryLeaseSeconds
        try make("temporary-a-1-00", lease: true, secondsOld: day + 60)
        try make("temporary-b-1-00", lease: true, secondsOld: day - 60)
        try make("temporary-c-1-00", lease: false, secondsOld: day + 60)
        try make("temporary-d-1-00", lease: false, secondsOld: day - 60)
        try make("temporary-living-1-00", lease: true, secondsOld: 30 * day)
        try make("temporaries", lease: true, secondsOld: 30 * day)
        let living = try DataFolderLock(path: folder.file("temporary-living-1-00/lease"))
        #expect(try lease.renew() == ["temporary-a-1-00", "temporary-c-1-00"])
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(left.filter { $0.hasPrefix("temporary-") }.count == 4)
        #expect(left.contains("temporaries"))
        #expect(left.contains(String(data.temporary.dropFirst(folder.path.count + 1))))
        withExtendedLifetime(living) {}
        #expect(try lease.renew() == [])
    }

    @Test func `a server that lives keeps its folder by renewing`() throws {
        let data = DataFolder(path: folder.path, isShared: true)
        try data.prepare()
        let lease = try TemporaryLease(data)
        let path = data.temporary + "/lease"
        let old = Date(timeIntervalSinceNow: -200_000)
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: path)
        try lease.renew()
        let renewed = try #require(try PlainFiles.modified(path))
        #expect(Double(renewed.milliseconds) / 1_000 > old.timeIntervalSince1970 + 100_000)
        // Nobody else can take it meanwhile.
        #expect(throws: ServerError.self) { try DataFolderLock(path: path) }
    }
}
