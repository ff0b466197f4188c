import Records
import Storage
import Testing

/// The examples that AWS publishes ("Authenticating Requests: Using the Authorization Header" of
/// the S3 reference, and the signature version 4 test suite).
@Suite struct S3SignatureTests {
    /// 2013-05-24T00:00:00Z.
    private static let time = Timestamp(milliseconds: 1_369_353_600_000)
    private static let hashOfNothing =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private static let signature = S3Signature(
        credentials: S3Credentials(
            accessKey: "AKIAIOSFODNN7EXAMPLE",
            secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        region: "us-east-1")

    private func request(
        _ method: String, _ path: String, query: [(name: String, value: String)] = [],
        headers: [(name: String, value: String)] = [], payloadHash: String = hashOfNothing
    ) -> S3Signature.Request {
        S3Signature.Request(
            method: method, path: path, query: query,
            headers: headers + [
                ("host", "examplebucket.s3.amazonaws.com"), ("x-amz-content-sha256", payloadHash),
                ("x-amz-date", "20130524T000000Z"),
            ],
            payloadHash: payloadHash)
    }

    private func expect(
        _ request: S3Signature.Request, signed names: String, _ signature: String
    ) {
        #expect(
            Self.signature.authorization(for: request, at: Self.time)
                == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/"
                + "aws4_request, SignedHeaders=\(names), Signature=\(signature)")
    }

    @Test func `getting an object's beginning is signed as AWS says`() {
        expect(
            request("GET", "/test.txt", headers: [("range", "bytes=0-9")]),
            signed: "host;range;x-amz-content-sha256;x-amz-date",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
    }

    @Test func `putting an object is signed as AWS says`() {
        expect(
            request(
                "PUT", "/test%24file.text",
                headers: [
                    ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ],
                payloadHash: Digest(of: Array("Welcome to Amazon S3.".utf8)).text),
            signed: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
    }

    @Test func `asking with a parameter without a value is signed as AWS says`() {
        expect(
            request("GET", "/", query: [("lifecycle", "")]),
            signed: "host;x-amz-content-sha256;x-amz-date",
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
    }

    @Test func `a listing is signed as AWS says, its parameters in any order`() {
        for query in [[("max-keys", "2"), ("prefix", "J")], [("prefix", "J"), ("max-keys", "2")]] {
            expect(
                request("GET", "/", query: query.map { (name: $0.0, value: $0.1) }),
                signed: "host;x-amz-content-sha256;x-amz-date",
                "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
        }
    }

    @Test(arguments: [
        ("", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("Param1", "value1", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
    ])
    func `the test suite of signature version 4 is passed`(
        name: String, value: String, expected: String
    ) {
        let signature = S3Signature(
            credentials: S3Credentials(
                accessKey: "AKIDEXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            region: "us-east-1", service: "service")
        let request = S3Signature.Request(
            method: "GET", path: "/", query: name.isEmpty ? [] : [(name, value)],
            headers: [("x-amz-date", "20150830T123600Z"), ("host", "example.amazonaws.com")],
            payloadHash: Self.hashOfNothing)
        #expect(
            signature.authorization(
                for: request, at: Timestamp(milliseconds: 1_440_938_160_000)
            ).hasSuffix("SignedHeaders=host;x-amz-date, Signature=\(expected)"))
    }

    @Test func `the secret is in no description`() {
        let credentials = S3Credentials(accessKey: "who", secretKey: "hush", sessionToken: "mum")
        for text in ["\(credentials)", String(reflecting: credentials)] {
            #expect(text.contains("who") && !text.contains("hush") && !text.contains("mum"))
        }
    }
}
