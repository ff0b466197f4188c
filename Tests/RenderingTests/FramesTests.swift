import Media
import Records
import Rendering
import Testing

struct FramesTests {
    private let requests: [(DecodingFrame.Request, String)] = [
        (
            .render(RenderRequest(path: "/a", mediaType: .jpeg, sizes: .thumbnail)),
            "00000016" + "01" + "01" + "0000000a" + "696d6167652f6a706567" + "00000002" + "2f61"
        ),
        (
            .facts(path: "/ü", fileExtension: "nef"),
            "0000000f" + "02" + "00000003" + "6e6566" + "00000003" + "2fc3bc"
        ),
    ]
    private let answers: [(DecodingFrame.Answer, String)] = [
        (
            .rendered(
                Rendered(thumbnail: [1, 2], preview: nil, width: 640, height: 480, thumbhash: [9])),
            "00000018" + "01" + "00000280" + "000001e0" + "0000000109" + "000000020102" + "00000000"
        ),
        (.facts([0x5B, 0x5D]), "00000007" + "02" + "00000002" + "5b5d"),
        (.failed(.damaged, "No."), "00000009" + "00" + "02" + "00000003" + "4e6f2e"),
    ]

    @Test func `frames are as documented, byte for byte`() throws {
        for (request, expected) in requests {
            let frame = DecodingFrame.encode(request)
            #expect(Hexadecimal.encode(frame) == expected)
            #expect(try DecodingFrame.decodeRequest(Array(frame.dropFirst(4))) == request)
        }
        for (answer, expected) in answers {
            let frame = DecodingFrame.encode(answer)
            #expect(Hexadecimal.encode(frame) == expected)
            #expect(try DecodingFrame.decodeAnswer(Array(frame.dropFirst(4))) == answer)
        }
    }

    @Test func `frames cut anywhere are refused`() {
        for (answer, _) in answers {
            let body = Array(DecodingFrame.encode(answer).dropFirst(4))
            for count in 0..<body.count {
                #expect(throws: MediaError.self) {
                    try DecodingFrame.decodeAnswer(Array(body.prefix(count)))
                }
            }
        }
        for (request, _) in requests {
            let body = Array(DecodingFrame.encode(request).dropFirst(4))
            for count in 0..<body.count {
                #expect(throws: MediaError.self) {
                    try DecodingFrame.decodeRequest(Array(body.prefix(count)))
                }
            }
        }
    }

    @Test func `unknown kinds, codes and counts past the end are refused`() {
        for body in [[7], [0, 200, 0, 0, 0, 0], [2, 0xFF, 0xFF, 0xFF, 0xFF, 1]] as [[UInt8]] {
            #expect(throws: MediaError.self) { try DecodingFrame.decodeAnswer(body) }
        }
        #expect(throws: MediaError.self) { try DecodingFrame.decodeRequest([9]) }
    }

    @Test func `every error code has its number, and they stay`() {
        let numbers = RenderingError.Code.allCases.map(\.rawValue)
        #expect(numbers == Array(1...9))
    }
}
