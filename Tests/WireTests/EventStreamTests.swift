import Testing
import Wire

@Suite struct EventStreamTests {
    @Test(arguments: [1, 2, 7, 1000])
    func `events come out whole, comments don't`(step: Int) {
        let bytes = Array(
            ": hello\n\nevent: zone\r\ndata: {\"a\":\ndata: 1}\n\ndata:x\n\nevent: none\n\n".utf8)
        var reader = EventStreamReader()
        var messages: [EventStreamReader.Message] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            messages += reader.read(bytes[start..<min(start + step, bytes.count)])
        }
        #expect(messages.map(\.name) == ["zone", ""])
        #expect(messages.map(\.data) == ["{\"a\":\n1}", "x"])
    }

    @Test func `a line past the limit takes no more memory and does no harm`() {
        var reader = EventStreamReader()
        let long = [UInt8](
            repeating: UInt8(ascii: "x"), count: EventStreamReader.lineByteCountMax + 1)
        #expect(reader.read(long + Array("\n\ndata: y\n\n".utf8)).map(\.data) == ["y"])
    }
}
