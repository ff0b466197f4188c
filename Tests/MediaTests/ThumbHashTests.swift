import Media
import Records
import Testing

struct ThumbHashTests {
    /// A picture that is the same everywhere: slopes of red and green, a pattern of blue.
    private func pixels(_ width: Int, _ height: Int, fades: Bool) -> [UInt8] {
        var bytes: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                let slope = UInt8(x * 255 / max(1, width - 1))
                bytes += [slope, UInt8(y * 255 / max(1, height - 1)), UInt8(x * y * 7 % 256)]
                bytes.append(fades ? 255 - slope : 255)
            }
        }
        return bytes
    }

    /// Hashes by another implementation of the published algorithm (thumbhash-python 1.0.1).
    @Test(arguments: [
        (32, 24, false, "5ff8092d9a7076777077777787687777a0800af877"),
        (10, 100, false, "5e080e311c60727877777877b38008e878"),
        (20, 20, true, "daa785150e3822554077766877a4603df47b7f788888878888"),
        (100, 50, true, "5ba7851a8e384367407877434039f47b7f787788888887"),
    ])
    func `the hash is the published one`(width: Int, height: Int, fades: Bool, expected: String)
        throws
    {
        let hash = ThumbHash.encode(
            width: width, height: height, rgba: pixels(width, height, fades: fades))
        let other = try #require(Hexadecimal.decode(expected, byteCount: expected.count / 2))
        #expect(hash?.count == other.count)
        // Terms of zero lie between two steps; which one is taken is a matter of the last bit.
        for (mine, theirs) in zip(hash ?? [], other) {
            #expect(abs(Int(mine & 15) - Int(theirs & 15)) <= 1)
            #expect(abs(Int(mine >> 4) - Int(theirs >> 4)) <= 1)
        }
    }

    @Test func `sides of 1 to 100 pixels are hashed, no others`() {
        #expect(ThumbHash.encode(width: 1, height: 1, rgba: [0, 0, 0, 0]) != nil)
        let most = ThumbHash.pixelsMax
        #expect(
            ThumbHash.encode(width: most, height: 1, rgba: pixels(most, 1, fades: false)) != nil)
        #expect(
            ThumbHash.encode(width: most + 1, height: 1, rgba: pixels(most + 1, 1, fades: false))
                == nil)
        #expect(ThumbHash.encode(width: 0, height: 1, rgba: []) == nil)
        #expect(ThumbHash.encode(width: 2, height: 2, rgba: [1, 2, 3]) == nil)
    }
}
