import Media
import Records
import Testing

struct TakenAtTests {
    private func takenAt(
        name: String = "a.jpg", fileTime: Int64? = nil, _ fill: (inout Observations) -> Void
    ) -> TakenAt? {
        var observed = Observations(mediaType: .jpeg)
        fill(&observed)
        return Facts(
            observed, name: name, fileTime: fileTime.map { Timestamp(milliseconds: $0) }
        ).takenAt
    }

    @Test func `sources are believed in the documented order`() {
        let order = TakenAt.Source.allCases
        #expect(
            order == [
                .exifOriginal, .exifDigitized, .gps, .quickTime, .xmp, .iptc, .fileName, .fileTime,
            ])
        // Every source has a date; without the first ones, the next is taken.
        for missing in 0..<6 {
            let taken = takenAt { observed in
                for (index, source) in order.prefix(6).enumerated() where index >= missing {
                    observed.note(source, "200\(index):05:06 07:08:09")
                }
            }
            #expect(taken?.source == order[missing])
            #expect(taken?.text == "200\(missing)-05-06T07:08:09")
        }
    }

    @Test(arguments: [
        "0000:00:00 00:00:00", "    :  :     :  :  ", "2019:13:01 00:00:00", "2019:02:29 00:00:00",
        "1825:12:31 23:59:59", "2201:01:01 00:00:00", "2019:01:01 24:00:00", "2019:01:01 00:60:00",
        "", "yesterday", "2019", "2019:01", "99999:01:01",
    ])
    func `a date that is none is passed over`(text: String) {
        let taken = takenAt { observed in
            observed.note(.exifOriginal, text)
            observed.note(.exifDigitized, "2001:02:03 04:05:06")
        }
        #expect(taken?.source == .exifDigitized)
    }

    @Test(arguments: [
        ("2019:01:02 03:04:05", "5", "+01:00", "2019-01-02T03:04:05.500+01:00"),
        ("2019:01:02 03:04:05", "023460", "-08:30", "2019-01-02T03:04:05.023-08:30"),
        ("2019:01:02 03:04:05", "00", "Z", "2019-01-02T03:04:05Z"),
        ("2019:01:02 03:04:05", "", "+15:00", "2019-01-02T03:04:05-00:00"),
        ("2016:12:31 23:59:60", "", "", "2016-12-31T23:59:59-00:00"),
        ("2019-01-02T03:04:05.678+0530", "", "", "2019-01-02T03:04:05.678+05:30"),
        ("2019:01:02", "", "", "2019-01-02T00:00:00-00:00"),
        ("2000:02:29 12:00", "", "", "2000-02-29T12:00:00-00:00"),
    ])
    func `fractions and offsets are kept`(
        text: String, fraction: String, offset: String, expected: String
    ) {
        let taken = takenAt { observed in
            var scanned = observed
            scanned.note(
                .exifOriginal, text, fraction: fraction.isEmpty ? nil : fraction,
                offset: offset.isEmpty ? nil : offset)
            observed = scanned
        }
        #expect(taken?.rfc3339 == expected)
    }

    @Test(
        arguments: [
            ("2019:07:01 14:00:00", "2019:07:01 12:00:30", 120),
            ("2019:07:01 14:00:00", "2019:07:01 08:30:00", 330),
            ("2019:07:01 02:00:00", "2019:07:01 10:00:00", -480),
            // 15 minutes are no zone's offset; a fix of ten minutes ago tells nothing.
            ("2019:07:01 14:00:00", "2019:07:01 13:45:00", nil),
            ("2019:07:01 14:00:00", "2019:07:01 11:50:00", nil),
            // Further than zones are apart: one of the clocks is wrong.
            ("2019:07:01 14:00:00", "2019:06:30 14:00:00", nil),
        ] as [(String, String, Int?)])
    func `satellites tell the offset of a camera's clock`(
        camera: String, satellite: String, expected: Int?
    ) {
        let taken = takenAt { observed in
            observed.note(.exifOriginal, camera)
            observed.noteUTC(.gps, satellite)
        }
        #expect(taken?.source == .exifOriginal)
        #expect(taken?.offsetMinutes == expected)
    }

    @Test(
        arguments: [
            ("IMG_20190102_030405.jpg", "2019-01-02T03:04:05-00:00"),
            ("IMG_20190102_030405678.jpg", "2019-01-02T03:04:05.678-00:00"),
            ("PXL_20190102_030405678.MP.jpg", "2019-01-02T03:04:05.678Z"),
            ("2019-01-02 03.04.05.jpg", "2019-01-02T03:04:05-00:00"),
            ("VID_20190102_030405.mp4", "2019-01-02T03:04:05-00:00"),
            ("20190102_030405(1).jpg", "2019-01-02T03:04:05-00:00"),
            ("Screenshot_20190102-030405_Chrome.png", "2019-01-02T03:04:05-00:00"),
            ("Screenshot 2019-01-02 at 03.04.05.png", "2019-01-02T03:04:05-00:00"),
            ("signal-2019-01-02-030405.jpg", "2019-01-02T03:04:05-00:00"),
            ("IMG-20190102-WA0001.jpg", "2019-01-02T00:00:00-00:00"),
            ("WhatsApp Image 2019-01-02 at 03.04.05.jpeg", "2019-01-02T03:04:05-00:00"),
            ("2019-01-02.jpg", "2019-01-02T00:00:00-00:00"),
            ("DSC_0001.jpg", nil), ("IMG_20191302.jpg", nil), ("12345678901234567890.jpg", nil),
            ("1546398245123.jpg", nil), ("00000000.jpg", nil), ("", nil),
            ("2019010203040506070809.jpg", nil),
        ] as [(String, String?)])
    func `names of cameras, phones and messengers hold dates`(name: String, expected: String?) {
        #expect(takenAt(name: name) { _ in }?.rfc3339 == expected)
    }

    @Test func `the moment to sort by takes the offset away`() {
        let taken = TakenAt(
            text: "1970-01-01T01:00:00.250", offsetMinutes: 60, source: .exifOriginal)
        #expect(taken?.instant == Timestamp(milliseconds: 250))
        let early = TakenAt(text: "1969-12-31T23:59:59", offsetMinutes: nil, source: .exifOriginal)
        #expect(early?.instant == Timestamp(milliseconds: -1_000))
    }

    @Test func `file times at the ends of time are no dates`() {
        for time in [Int64.min, Int64.min + 1, Int64.max, -10_000_000_000_000] {
            #expect(takenAt(fileTime: time) { _ in } == nil)
        }
        #expect(takenAt(fileTime: -1) { _ in }?.rfc3339 == "1969-12-31T23:59:59.999Z")
        #expect(takenAt(fileTime: 0) { _ in }?.rfc3339 == "1970-01-01T00:00:00Z")
        #expect(
            takenAt(fileTime: 951_782_400_000) { _ in }?.rfc3339 == "2000-02-29T00:00:00Z")
    }

    @Test func `a record keeps a date and gives it back`() throws {
        for offset in [nil, 0, -570, 840] as [Int?] {
            let taken = try #require(
                TakenAt(
                    text: "2019-01-02T03:04:05.678", offsetMinutes: offset, source: .quickTime))
            #expect(TakenAt(value: taken.value) == taken)
        }
        #expect(TakenAt(value: nil) == nil)
        #expect(
            TakenAt(value: .object(["text": "2019", "source": "gps"].mapValues { .string($0) }))
                == nil)
        #expect(
            TakenAt(text: "2019-01-02T03:04:05", offsetMinutes: 841, source: .gps) == nil,
            "one past the world's last zone")
    }
}
