import Records
import Storage
import Testing

@Suite struct S3MessageTests {
    private func parse(_ text: String) -> XMLElement? { XMLElement(parsing: Array(text.utf8)) }

    @Test func `an answer is read with its entities, sections, prefixes and empty elements`() {
        let root = parse(
            """
            <?xml version="1.0"?>\n<!DOCTYPE x><!-- a > b --><s:Error xmlns:s='a>b'>
            <Code>No&#83;uch&amp;&#x4b;ey</Code><Empty a="/"/><T><![CDATA[a<b]]>&lt;c</T></s:Error>
            """)
        #expect(root?.name == "Error")
        #expect(root?["Code"]?.text == "NoSuch&Key")
        #expect(root?["Empty"] == XMLElement(name: "Empty"))
        #expect(root?["T"]?.text == "a<b<c")
        #expect(root?["Other"] == nil)
    }

    @Test(arguments: [
        "", "text", "<a>", "<a></b>", "<a><b></a></b>", "</a>", "<a>&bad;</a>",
        "<a>&#xFFFFFFFF;</a>",
        "<a", "<a b='", "<>", "<a>&amp", "<!--", "<?", "<![CDATA[x]]>", "x<a/>", "<a>&lt",
        "<html><p>Not<br></html>",
    ])
    func `what is not whole is nothing`(text: String) {
        #expect(parse(text) == nil)
    }

    @Test func `answers nested or crowded beyond reason are refused, one less is read`() {
        func nested(_ depth: Int) -> XMLElement? {
            parse(
                String(repeating: "<a>", count: depth) + String(repeating: "</a>", count: depth))
        }
        func crowded(_ count: Int) -> XMLElement? {
            parse("<a>" + String(repeating: "<b/>", count: count - 1) + "</a>")
        }
        #expect(nested(Limits.xmlDepthMax) != nil)
        #expect(nested(Limits.xmlDepthMax + 1) == nil)
        #expect(crowded(Limits.xmlElementsMax) != nil)
        #expect(crowded(Limits.xmlElementsMax + 1) == nil)
    }

    @Test func `no bytes make the reader trap`() {
        var numbers = SystemRandomNumberGenerator()
        let alphabet = Array("<>/&;#x!-[]?CDATA a='\"\n".utf8)
        for _ in 0..<3_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &numbers)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &numbers)]
            }
            _ = XMLElement(parsing: bytes)
            _ = S3Page(bytes)
        }
    }

    private func page(_ truncated: String, _ size: String = "7") -> S3Page? {
        S3Page(
            Array(
                """
                <ListBucketResult><IsTruncated>\(truncated)</IsTruncated>
                <Contents><Key>a&amp;b</Key><Size>\(size)</Size>
                <LastModified>2026-02-28T23:59:58.123Z</LastModified></Contents>
                <CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>
                """.utf8))
    }

    @Test func `a listing is read, and one that is not whole is none`() throws {
        let page = try #require(self.page("false"))
        #expect(page.objects.map(\.name) == ["a&b"])
        #expect(page.objects.first?.byteCount == 7)
        #expect(page.objects.first?.modifiedAt == Timestamp(milliseconds: 1_772_323_198_000))
        #expect(page.prefixes == ["p/"])
        // There is more, and no word about how to get it.
        #expect(self.page("true") == nil)
        #expect(self.page("false", "many") == nil)
    }
}

@Suite struct S3PieceTests {
    private func piece(_ start: Int64, _ end: Int64, _ digits: String = "0123456789abcdef")
        -> S3Piece
    {
        let name = "p/" + S3Piece.suffix(start: start, end: end, digits: digits)
        guard let piece = S3Piece(name: name, prefix: "p/", byteCount: end - start) else {
            preconditionFailure("A piece's own name can be read.")
        }
        return piece
    }

    @Test(arguments: [
        "p/", "p/1-2-3", "q/0000000000000000-0000000000000005-0123456789abcdef",
        "p/0000000000000000-0000000000000006-0123456789abcdef",
        "p/ffffffffffffffff-0000000000000004-0123456789abcdef", "p/x/y",
    ])
    func `what is no piece of its size is passed over`(name: String) {
        #expect(S3Piece(name: name, prefix: "p/", byteCount: 5) == nil)
    }

    @Test(
        arguments: [
            ([(0, 5), (5, 9)], [(0, 5), (5, 9)]),
            ([(5, 9), (0, 5)], [(0, 5), (5, 9)]),
            ([(5, 9)], []),
            ([(0, 0)], []),
            // A cut that did not come to its end, and what a gap leaves.
            ([(0, 9), (0, 5)], [(0, 9)]),
            ([(0, 5), (0, 3), (3, 9)], [(0, 3), (3, 9)]),
            ([(0, 5), (8, 9)], [(0, 5)]),
            ([], []),
        ] as [([(Int64, Int64)], [(Int64, Int64)])])
    func `an upload is the longest chain of its pieces`(
        pieces: [(Int64, Int64)], chain: [(Int64, Int64)]
    ) throws {
        let found = try S3Pieces(pieces.map { piece($0.0, $0.1) })
        #expect(found.chain == chain.map { piece($0.0, $0.1) })
        #expect(found.byteCount == chain.last?.1 ?? 0)
        #expect(found.all.count == pieces.count)
    }

    @Test func `an upload of too many pieces is refused, of as many as allowed taken`() throws {
        let pieces = (0...Int64(Limits.s3PiecesPerUploadMax)).map { piece($0, $0 + 1) }
        #expect(try S3Pieces(Array(pieces.dropLast())).byteCount == Int64(pieces.count - 1))
        let error = #expect(throws: StorageError.self) { try S3Pieces(pieces) }
        #expect(error?.message.contains("larger ones") == true)
    }

    @Test
    func `large pieces are copied by the store, small ones gathered until they may be a part`() {
        let pieces = [piece(0, 10), piece(10, 13), piece(13, 16), piece(16, 26), piece(26, 27)]
        #expect(
            S3Join.plan(pieces, partByteCountMin: 5, partsMax: 100) == [
                .copy(pieces[0]), .send([pieces[1], pieces[2]]), .copy(pieces[3]),
                .send([pieces[4]]),
            ])
    }

    @Test(arguments: [1, 2, 9, 10, 11, 60, 200, 999])
    func `there are never more parts than a store takes, none too small but the last`(count: Int) {
        var numbers = SystemRandomNumberGenerator()
        for _ in 0..<50 {
            var pieces: [S3Piece] = []
            for _ in 0..<count {
                let start = pieces.last?.end ?? 0
                pieces.append(piece(start, start + Int64.random(in: 1...20, using: &numbers)))
            }
            let plan = S3Join.plan(pieces, partByteCountMin: 5, partsMax: 20)
            #expect(plan.count <= 20)
            let parts = plan.map { join in
                switch join {
                case .copy(let piece): [piece]
                case .send(let pieces): pieces
                }
            }
            #expect(parts.flatMap { $0 } == pieces)
            for part in parts.dropLast() {
                #expect(part.reduce(0) { $0 + $1.byteCount } >= 5)
            }
        }
    }
}
