import Kernel
import Records
import Storage
import Testing

@Suite struct UploadAndDeviceTests {
    @Test func `an upload is announced once, lives a day, and is swept`() async throws {
        try await inWorld { world in
            let (kernel, account, id) = (
                world.kernel, world.anna.account, UploadID(high: 1, low: 1)
            )
            func create(_ byteCount: Int64) throws -> Upload {
                try kernel.createUpload(
                    id, byteCount: byteCount, digest: nil, metadata: "filename eA==",
                    for: account, at: world.now, in: world.transaction)
            }
            let upload = try create(10)
            #expect(try create(10) == upload)
            #expect(code { _ = try create(11) } == .conflict)
            #expect(
                try kernel.quota(of: account, in: world.transaction).stagedByteCount == 10)
            let unknown = UploadID(high: 3, low: 3)
            #expect(
                try kernel.unknownUploads(
                    among: [upload.stagedAs, unknown], in: world.transaction) == [unknown])
            world.now = world.now.adding(seconds: 23 * 3_600)
            try kernel.extendUpload(id, for: account, at: world.now, in: world.transaction)
            world.now = world.now.adding(seconds: 23 * 3_600)
            #expect(
                try kernel.endExpiredUploads(at: world.now, in: world.transaction).isEmpty)
            world.now = world.now.adding(seconds: 3_600)
            #expect(
                try kernel.endExpiredUploads(at: world.now, in: world.transaction)
                    == [upload.stagedAs])
            #expect(
                code { _ = try kernel.upload(id, for: account, in: world.transaction) }
                    == .uploadNotFound)
        }
    }

    @Test func `uploads and their metadata have limits`() async throws {
        try await inWorld { world in
            func create(_ number: Int, _ metadata: String = "") throws {
                _ = try world.kernel.createUpload(
                    UploadID(high: 1, low: UInt64(number)), byteCount: 1, digest: nil,
                    metadata: metadata, for: world.anna.account, at: world.now,
                    in: world.transaction)
            }
            let long = String(repeating: "m", count: Limits.uploadMetadataByteCountMax)
            try create(0, long)
            #expect(code { try create(1, long + "m") } == .invalidName)
            for number in 1..<Limits.uploadsPerAccountMax { try create(number) }
            #expect(code { try create(Limits.uploadsPerAccountMax) } == .tooManyUploads)
        }
    }

    @Test func `a device hears a request, also when one answer is lost`() async throws {
        try await inWorld { world in
            let (kernel, device) = (world.kernel, world.anna.phone.device)
            func report(_ text: String) throws -> DeviceAnswer {
                try kernel.reportState(
                    Array(text.utf8), device: device, account: world.anna.account,
                    at: world.now, in: world.transaction)
            }
            #expect(try report("{\"a\":1}").requests.isEmpty)
            for request in ["retry", "examine"] {
                try kernel.addRequest(
                    request, to: device, of: world.anna.account, at: world.now,
                    in: world.transaction)
            }
            #expect(try report("{\"a\":2}").requests == ["retry", "examine"])
            #expect(try report("{\"a\":3}").requests == ["retry", "examine"])
            #expect(try report("{\"a\":4}").requests.isEmpty)
            let states = try kernel.deviceStates(of: world.anna.account, in: world.transaction)
            #expect(states.map(\.state) == ["{\"a\":4}"])
            try kernel.forgetDevice(device, of: world.anna.account, in: world.transaction)
            #expect(
                try kernel.deviceStates(of: world.anna.account, in: world.transaction).isEmpty)
        }
    }

    @Test func `a request that nobody heard is forgotten after a week`() async throws {
        try await inWorld { world in
            let (kernel, device) = (world.kernel, world.anna.phone.device)
            let week = Int64(Limits.deviceRequestDays) * Timestamp.millisecondsPerDay
            for (late, heard) in [(week, ["retry"]), (week + 1, [])] as [(Int64, [String])] {
                try kernel.addRequest(
                    "retry", to: device, of: world.anna.account, at: world.now,
                    in: world.transaction)
                let answer = try kernel.reportState(
                    Array("{}".utf8), device: device, account: world.anna.account,
                    at: world.now.adding(milliseconds: late), in: world.transaction)
                #expect(answer.requests == heard)
                try kernel.forgetDevice(device, of: world.anna.account, in: world.transaction)
            }
        }
    }

    @Test func `states and requests have limits`() async throws {
        try await inWorld { world in
            let (kernel, device, account) = (
                world.kernel, world.anna.phone.device, world.anna.account
            )
            func report(_ count: Int) throws {
                _ = try kernel.reportState(
                    Array(repeating: 0x20, count: count), device: device, account: account,
                    at: world.now, in: world.transaction)
            }
            func ask(_ text: String) throws {
                try kernel.addRequest(
                    text, to: device, of: account, at: world.now, in: world.transaction)
            }
            try report(Limits.deviceStateByteCountMax)
            #expect(code { try report(Limits.deviceStateByteCountMax + 1) } == .notAllowed)
            let long = String(repeating: "r", count: Limits.deviceRequestByteCountMax + 1)
            #expect(code { try ask(long) } == .notAllowed)
            for _ in 0..<Limits.requestsPerDeviceMax { try ask("retry") }
            #expect(code { try ask("retry") } == .notAllowed)
        }
    }
}
