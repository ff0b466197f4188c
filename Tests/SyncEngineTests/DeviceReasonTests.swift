import Library
import Records
import Status
import SyncEngine
import Testing

/// Each reason of the library that lies in the device, its disk and its settings: caused, seen with
/// the values of its evidence, and gone with its cause.
@Suite struct DeviceReasonTests {
    private let server = FakeServer()
    private let device: FakeDevice
    private let place = FakeDevice.library("a.jpg")

    init() throws {
        device = FakeDevice(server, once: false)
        device.restart()
        try device.run(milliseconds: 20_000)
        #expect(try device.status().reasons.isEmpty)
    }

    // MARK: The machine

    @Test func `a machine that slept`() throws {
        try device.expectReason(
            .wasAsleep, saying: "This device slept from 21:13 to 22:13.",
            goesWithin: Limits.wokeMilliseconds / 1_000 + 1
        ) {
            let now = device.now.wall
            device.change {
                $0.sleep = Conditions.Sleep(from: now.adding(seconds: -3_600), until: now)
            }
        } goneAfter: {
        }
    }

    @Test func `a clock that is wrong`() throws {
        try device.expectReason(
            .clockWrong, saying: "This device's clock is 7 min behind the server's."
        ) {
            device.change { $0.clockOffsetSeconds = -420 }
        } goneAfter: {
            device.conditions.clockOffsetSeconds = -300
        }
    }

    private func putLarge() throws {
        device.put(String(repeating: "x", count: 2 << 20), at: place)
        try device.run(milliseconds: 500)
    }

    @Test func `a power saver`() throws {
        try device.expectReason(
            .lowPowerMode, saying: "The power saver is on: 1 item over 1 MB waits."
        ) {
            device.change { $0.power.isSaving = true }
            try putLarge()
        } goneAfter: {
            device.conditions.power.isSaving = false
        }
    }

    @Test func `a battery that is low`() throws {
        try device.expectReason(
            .lowBattery, saying: "The battery is at 19 %: 1 item over 1 MB waits."
        ) {
            device.change { $0.power.source = .battery(percent: 19) }
            try putLarge()
        } goneAfter: {
            device.conditions.power.source = .battery(percent: 20)
        }
    }

    @Test func `a pause`() throws {
        try device.expectReason(.pausedByYou, saying: "You paused it until 18:00.") {
            device.rows.save(
                pause: Pause(
                    since: device.now.wall, until: device.now.wall.adding(seconds: 600),
                    untilText: "18:00"))
            device.tell(.command(.pauseChanged))
        } goneAfter: {
            device.pass(milliseconds: 596_000)
        }
    }

    @Test func `a limit of watched folders`() throws {
        try device.expectReason(
            .watchLimit,
            saying: "The system's limit of 10 watched folders is reached: "
                + "folders are compared instead."
        ) {
            device.change { $0.watchLimit = 10 }
        } goneAfter: {
            device.conditions.watchLimit = nil
        }
    }

    // MARK: Its disk

    @Test func `a disk without room for what is to come`() throws {
        let other = FakeDevice(server, number: 9, optimizes: true)
        other.write(String(repeating: "x", count: 1_000), to: FakeDevice.source("L.JPG"))
        try device.expectReason(
            .deviceFull, saying: "This device's disk is full: 268.4 MB are free."
        ) {
            device.change { $0.freeByteCount = Limits.deviceReserveByteCount + 999 }
            try other.sync()
            device.tell(.zoneChanged(head: server.head))
        } goneAfter: {
            device.conditions.freeByteCount = Limits.deviceReserveByteCount + 1_000
        }
        #expect(device.libraryTexts.count == 1)
    }

    @Test func `originals that leave for space`() throws {
        let device = FakeDevice(server, optimizes: true, once: false)
        device.write("one original", to: place)
        device.rows.save(freeSpaceTarget: 1_000)
        device.conditions.freeByteCount = 2_000
        device.restart()
        try device.run(milliseconds: 20_000)
        try device.expectReason(
            .optimizing, saying: "0 bytes of 8 bytes are freed on this device."
        ) {
            device.takesLong = { if case .send(_, .receipts) = $0 { true } else { false } }
            device.change { $0.freeByteCount = 992 }
        } goneAfter: {
            device.conditions.freeByteCount = 1_004
            device.letGo()
        }
        #expect(device.libraryTexts.isEmpty)
    }

    @Test func `a library that is not at its place`() throws {
        let mark = device.mark
        try device.expectReason(
            .volumeMissing, saying: "The library is not at /library: its mark is not there."
        ) {
            device.mark = nil
            device.tellLibraryChanged()
        } goneAfter: {
            try device.run(milliseconds: 3_600_000)
            device.mark = mark
        }
    }

    @Test func `a disk that can only be read`() throws {
        try device.expectReason(
            .readOnlyVolume, saying: "The library's disk can only be read."
        ) {
            device.look.isReadOnly = true
            device.tellLibraryChanged()
        } goneAfter: {
            device.look.isReadOnly = false
        }
    }

    @Test func `another tool in the same folder`() throws {
        try device.expectReason(
            .otherSyncTool, saying: "Syncthing works in the library's folder too: .stfolder."
        ) {
            device.look.otherTool = OtherSyncTool(name: "Syncthing", mark: ".stfolder")
            device.tellLibraryChanged()
        } goneAfter: {
            device.look.otherTool = nil
        }
    }

    @Test func `another device in the same folder`() throws {
        let mark = try #require(device.mark)
        let other = DeviceID(high: 9, low: 9)
        try device.expectReason(
            .libraryInUseElsewhere, saying: "Device \(other.text) writes to this library as well."
        ) {
            device.mark = LibraryMark(library: mark.library, device: other, generation: 7)
            device.tellLibraryChanged()
        } goneAfter: {
            device.mark = mark
        }
    }

    @Test func `an older copy of the folder`() throws {
        let mark = try #require(device.mark)
        try device.expectReason(
            .libraryRestored,
            saying: "The library's folder and the database are not of one time: "
                + "nothing was deleted."
        ) {
            device.mark = LibraryMark(
                library: mark.library, device: mark.device, generation: mark.generation - 1,
                account: mark.account)
            device.tellLibraryChanged()
        } goneAfter: {
            device.rows.acceptGeneration(mark.generation - 1)
            device.tell(.command(.libraryAccepted))
        }
    }

    // MARK: What needs an answer

    @Test func `many deletions at once`() throws {
        for number in 0..<20 { device.put("picture \(number)", at: numbered(number)) }
        try device.run(milliseconds: 10_000)
        try device.expectReason(
            .heldForConfirmation, saying: "15 items would be deleted: they are held.",
            comesWithin: Limits.missingMilliseconds / 1_000 + 5
        ) {
            for number in 0..<15 { device.remove(numbered(number)) }
        } goneAfter: {
            let changed = try HeldChanges.putBack(device.rows)
            #expect(changed.isEmpty)
            device.tell(.command(.rootsChanged))
        }
        try device.run(milliseconds: 20_000)
        #expect(device.libraryTexts.count == 20)
        #expect(server.assets.count == 20)
    }

    @Test func `many changes of bytes at once`() throws {
        for number in 0..<20 { device.put("picture \(number)", at: numbered(number)) }
        try device.run(milliseconds: 10_000)
        try device.expectReason(
            .heldForConfirmation, saying: "15 items would be changed: they are held."
        ) {
            for number in 0..<15 {
                device.put("encrypted \(number)", at: numbered(number), ageSeconds: 60)
            }
        } goneAfter: {
            try HeldChanges.apply(device.rows)
            device.tell(.command(.rootsChanged))
        }
    }

    private func numbered(_ number: Int) -> Place { FakeDevice.library("2024/\(number).jpg") }

    @Test func `a picture that shrank to nothing, until the good copy is back`() throws {
        device.put("picture", at: place)
        try device.run(milliseconds: 5_000)
        try device.expectReason(
            .suspiciousChange, saying: "a.jpg shrank to nothing: the good copy is kept."
        ) {
            device.put("", at: place)
        } goneAfter: {
            device.put("picture", at: place)
        }
    }

    @Test func `bytes that changed behind their time, until they are accepted`() throws {
        device.put("picture", at: place)
        try device.run(milliseconds: 5_000)
        let time = try #require(device.files[place]?.modifiedAt)
        try device.expectReason(
            .suspiciousChange,
            saying: "a.jpg changed while its time did not: the good copy is kept."
        ) {
            device.write("rotten!", to: place)
            device.files[place]?.modifiedAt = time
            device.tell(.placeChanged(place))
        } goneAfter: {
            let file = try #require(try HeldChanges.suspicious(device.rows).first)
            try HeldChanges.accept(file, device.rows)
            device.tell(.command(.rootsChanged))
        }
    }
}
