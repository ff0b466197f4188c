import Records
import Status
import Testing

@Suite struct EvidenceTimeTests {
    @Test(arguments: [
        (0, "1970-01-01 00:00 UTC"), (951_782_400_000, "2000-02-29 00:00 UTC"),
        (1_700_000_000_000, "2023-11-14 22:13 UTC"), (-1, "1969-12-31 23:59 UTC"),
        (4_102_444_799_999, "2099-12-31 23:59 UTC"),
    ])
    func `times are written alike everywhere`(milliseconds: Int64, text: String) {
        let time = Timestamp(milliseconds: milliseconds)
        #expect(EvidenceText.time(time) == text)
        #expect(EvidenceText.day(time) == String(text.prefix(10)))
    }

    @Test(arguments: [
        (0, "0 ms"), (-4, "0 ms"), (999, "999 ms"), (1_000, "1 s"), (1_049, "1 s"),
        (1_050, "1.1 s"), (2_480, "2.5 s"), (61_000, "61 s"),
    ])
    func `latencies are written alike everywhere`(milliseconds: Int64, text: String) {
        #expect(EvidenceText.latency(milliseconds: milliseconds) == text)
    }
}
