package import Media
import Records

/// The frames between the server and a decoding child, documented in
/// Documentation/formats-decoding.md: a length of four bytes (big-endian, as all numbers), then
/// that many bytes.
///
/// A child answers each request with one frame, in order.
package enum DecodingFrame {
    /// What the server asks.
    package enum Request: Equatable {
        case render(RenderRequest)
        /// ExifTool's answer about a file; the extension tells it what to expect.
        case facts(path: String, fileExtension: String)
    }

    /// What the child answers.
    package enum Answer: Equatable {
        case rendered(Rendered)
        /// JSON
        case facts([UInt8])
        case failed(RenderingError.Code, String)
    }

    /// What a child sends once it is set up, before any request.
    static let ready: [UInt8] = [0, 0, 0, 0]

    private static let renderKind: UInt8 = 1
    private static let factsKind: UInt8 = 2
    private static let failedKind: UInt8 = 0

    /// The frame of a request.
    package static func encode(_ request: Request) -> [UInt8] {
        var writer = FrameWriter()
        switch request {
        case .render(let render):
            writer.byte(renderKind)
            writer.byte(render.sizes.rawValue)
            writer.bytes(Array(render.mediaType.rawValue.utf8))
            writer.bytes(Array(render.path.utf8))
        case .facts(let path, let fileExtension):
            writer.byte(factsKind)
            writer.bytes(Array(fileExtension.utf8))
            writer.bytes(Array(path.utf8))
        }
        return writer.frame
    }

    /// A request's body, without the length; throws `invalidFrame`.
    package static func decodeRequest(_ body: [UInt8]) throws(MediaError) -> Request {
        var reader = FrameReader(body)
        switch try reader.byte() {
        case renderKind:
            let sizes = PictureSizes(rawValue: try reader.byte())
            let type = MediaType(rawValue: try reader.text())
            return .render(RenderRequest(path: try reader.text(), mediaType: type, sizes: sizes))
        case factsKind:
            let fileExtension = try reader.text()
            return .facts(path: try reader.text(), fileExtension: fileExtension)
        default: throw FrameReader.invalid
        }
    }

    /// The frame of an answer.
    package static func encode(_ answer: Answer) -> [UInt8] {
        var writer = FrameWriter()
        switch answer {
        case .rendered(let rendered):
            writer.byte(renderKind)
            writer.number(UInt32(clamping: rendered.width))
            writer.number(UInt32(clamping: rendered.height))
            writer.bytes(rendered.thumbhash)
            // No picture is empty, so that an empty one is none.
            writer.bytes(rendered.thumbnail ?? [])
            writer.bytes(rendered.preview ?? [])
        case .facts(let json):
            writer.byte(factsKind)
            writer.bytes(json)
        case .failed(let code, let message):
            writer.byte(failedKind)
            writer.byte(code.rawValue)
            writer.bytes(Array(message.utf8))
        }
        return writer.frame
    }

    /// An answer's body, without the length; throws `invalidFrame`.
    package static func decodeAnswer(_ body: [UInt8]) throws(MediaError) -> Answer {
        var reader = FrameReader(body)
        switch try reader.byte() {
        case renderKind:
            let (width, height) = (Int(try reader.number()), Int(try reader.number()))
            let hash = try reader.bytes()
            let thumbnail = try reader.bytes()
            let preview = try reader.bytes()
            return .rendered(
                Rendered(
                    thumbnail: thumbnail.isEmpty ? nil : thumbnail,
                    preview: preview.isEmpty ? nil : preview, width: width, height: height,
                    thumbhash: hash))
        case factsKind: return .facts(try reader.bytes())
        case failedKind:
            guard let code = RenderingError.Code(rawValue: try reader.byte()) else {
                throw FrameReader.invalid
            }
            return .failed(code, try reader.text())
        default: throw FrameReader.invalid
        }
    }
}

/// Puts numbers and counted bytes behind each other.
private struct FrameWriter {
    private var body: [UInt8] = []

    mutating func byte(_ value: UInt8) { body.append(value) }

    mutating func number(_ value: UInt32) {
        for shift: UInt32 in [24, 16, 8, 0] { body.append(UInt8(value >> shift & 255)) }
    }

    mutating func bytes(_ value: [UInt8]) {
        number(UInt32(clamping: value.count))
        body += value
    }

    /// The body behind its length.
    var frame: [UInt8] {
        var head = FrameWriter()
        head.number(UInt32(clamping: body.count))
        return head.body + body
    }
}

/// Takes them out again; the other side may have been taken over by a hostile file, so that nothing
/// it says is believed without looking.
struct FrameReader {
    private let body: [UInt8]
    private var place = 0

    static var invalid: MediaError {
        MediaError(.invalidFrame, "The decoding child sent what is no frame; it is replaced.")
    }

    init(_ body: [UInt8]) { self.body = body }

    mutating func byte() throws(MediaError) -> UInt8 {
        guard place < body.count else { throw Self.invalid }
        defer { place += 1 }
        return body[place]
    }

    mutating func number() throws(MediaError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 { value = value << 8 | UInt32(try byte()) }
        return value
    }

    mutating func bytes() throws(MediaError) -> [UInt8] {
        let count = Int(try number())
        guard count <= body.count - place else { throw Self.invalid }
        defer { place += count }
        return Array(body[place..<place + count])
    }

    mutating func text() throws(MediaError) -> String {
        guard let text = String(validating: try bytes(), as: UTF8.self) else { throw Self.invalid }
        return text
    }
}
