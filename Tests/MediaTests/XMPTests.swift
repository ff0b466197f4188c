import Media
import Records
import Testing

struct XMPTests {
    private func read(_ text: String, isSidecar: Bool = true) -> Observations {
        var observed = Observations(mediaType: .jpeg)
        observed.note(.exifOriginal, nil)
        XMPReader.read(Array(text.utf8), isSidecar: isSidecar, into: &observed)
        return observed
    }

    private func packet(_ body: String, attributes: String = "") -> String {
        """
        <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
         xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
         xmlns:xmp="http://ns.adobe.com/xap/1.0/" \(attributes)>\(body)</rdf:Description></rdf:RDF>
        </x:xmpmeta>
        """
    }

    @Test func `values are read from attributes and from elements`() {
        let asAttribute = read(
            packet("", attributes: "xmp:Rating=\"4\" xmp:CreateDate='2019-01-02'"))
        let asElement = read(packet("<xmp:Rating>4</xmp:Rating>"))
        #expect(asAttribute.rating == 4)
        #expect(asElement.rating == 4)
        #expect(Facts(asAttribute, name: "", fileTime: nil).takenAt?.text == "2019-01-02T00:00:00")
    }

    @Test func `lists are read whole`() {
        let observed = read(
            packet(
                """
                <dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>R&amp;B &#x1F426;</rdf:li></rdf:Bag></dc:subject>
                <dc:title><rdf:Alt><rdf:li xml:lang="x-default">A day</rdf:li></rdf:Alt></dc:title>
                <dc:description><rdf:Alt><rdf:li xml:lang="x-default">At the &lt;sea&gt;</rdf:li></rdf:Alt></dc:description>
                """))
        #expect(observed.keywords == ["sea", "R&B 🐦"])
        #expect(observed.title == "A day")
        #expect(observed.caption == "At the <sea>")
    }

    @Test func `positions are read in both of XMP's forms`() {
        let observed = read(
            packet(
                "",
                attributes: "exif:GPSLatitude=\"33,30.5S\" exif:GPSLongitude=\"151,15,30E\" "
                    + "exif:GPSAltitude=\"25/10\" exif:GPSAltitudeRef=\"1\""))
        #expect(observed.latitude == -(33 + 30.5 / 60))
        #expect(observed.longitude == 151 + 15.0 / 60 + 30.0 / 3600)
        #expect(observed.altitude == -2.5)
    }

    @Test func `a prefix is what its namespace says`() {
        let text = packet(
            "<f:Rating>2</f:Rating>", attributes: "xmlns:f='http://ns.adobe.com/xap/1.0/'")
        #expect(read(text).rating == 2)
    }

    @Test func `a sidecar's word replaces the file's, an embedded packet's doesn't`() {
        for isSidecar in [true, false] {
            var observed = Observations(mediaType: .jpeg)
            (observed.rating, observed.title) = (1, "Old")
            observed.noteKeywords(["old"])
            let text = packet(
                "<dc:title>New</dc:title><dc:subject>new</dc:subject>", attributes: "xmp:Rating='5'"
            )
            XMPReader.read(Array(text.utf8), isSidecar: isSidecar, into: &observed)
            #expect(observed.rating == (isSidecar ? 5 : 1))
            #expect(observed.title == (isSidecar ? "New" : "Old"))
            #expect(observed.keywords == (isSidecar ? ["new"] : ["old", "new"]))
        }
    }

    @Test func `entities that a file declares are never expanded`() {
        let observed = read(
            "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b SYSTEM \"file:///etc/passwd\">]>"
                + packet("<dc:title>&a;&b;</dc:title>"))
        #expect(observed.title?.contains("&a;&b;") ?? true)
        #expect(observed.title?.contains("root:") != true)
    }

    @Test(arguments: [
        "", "<", "<<<<<<", "</x>", "<a", "<a b", "<a b=", "<a b='", "<a b='c", "<!--", "<!-->",
        "<?",
        "<a></a></a></a>", "&", "<a>&#xFFFFFFFF;&#;&;</a>", "\u{0}\u{0}<\u{0}", "<a b='c'/><a/>",
    ])
    func `broken packets end quietly`(text: String) {
        _ = read(text)
        _ = read(packet(text))
        _ = read(text, isSidecar: false)
    }

    @Test func `deep and long packets are read as far as the limits go`() {
        _ = read(String(repeating: "<a>", count: 200_000))
        let long = read(packet("<dc:title>\(String(repeating: "é", count: 100_000))</dc:title>"))
        #expect((long.title?.utf8.count ?? 0) <= Limits.factsTextByteCountMax)
        let late = String(repeating: " ", count: Limits.sidecarByteCountMax)
        #expect(read(late + packet("", attributes: "xmp:Rating='5'")).rating == nil)
    }
}
